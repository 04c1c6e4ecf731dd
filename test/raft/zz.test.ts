import { test } from 'vitest'
import { Group, confOf } from './world/group.ts'
import { chaos, swarm } from './world/chaos.ts'
import { seeded } from './world/random.ts'
import { describeStatus, describeProgress, describeConf, describeMessage, describeEntry } from '../../src/raft/describe.ts'
const seed = Number(process.env['SEED'])
test('x', () => {
  const random = seeded(seed)
  const group = new Group(random)
  const founders = [[1], [1, 2, 3], [1, 2, 3], [1, 2, 3, 4, 5]][random.below(4)]!
  const config = {
        electionTick: 6, maxInflightMsgs: 1 + random.below(4), maxInflightBytes: 40,
        maxSizePerMsg: 1 + random.below(60), maxCommittedSizePerReady: 1 + random.below(60),
        maxApplyingBytes: 1 + random.below(100), maxUncommittedBytes: 1 + random.below(200),
        preVote: random.below(4) > 0, checkQuorum: random.below(4) > 0, stepDownOnRemoval: random.below(4) > 0,
  }
  for (const id of [1, 2, 3, 4, 5]) group.add(id, confOf(founders), config)
  const log: string[] = []
  const d = group.deliver.bind(group)
  group.deliver = (m) => { log.push('  deliver ' + describeMessage(m)); d(m) }
  const st = group.store.bind(group)
  group.store = (m) => { log.push('  store ' + m.id); st(m) }
  const ap = group.apply.bind(group)
  group.apply = (m, c) => { log.push('  apply ' + m.id + ' ' + m.toApply.slice(0, c).map(describeEntry)); ap(m, c) }
  const rs = group.restart.bind(group)
  group.restart = (m, k) => { log.push('  RESTART ' + m.id + ' kept ' + k); rs(m, k); log.push('     ' + describeStatus(m.raft.status()) + ' ' + describeConf(m.conf)) }
  const ob = group.observe.bind(group)
  const last: Record<number, string> = {}
  group.observe = (m) => { const s = m.raft.status(); const t = describeStatus(s) + ' | ' + describeConf(s.config) + ' log ' + m.disk.firstIndex() + '..' + m.disk.lastIndex(); if (last[m.id] !== t) { last[m.id] = t; log.push(t) } ob(m) }
  const show = () => { for (const m of group.members) { const s = m.raft.status(); console.log(describeStatus(s), describeConf(s.config), m.disk.firstIndex(), m.disk.lastIndex(), 'held', m.held.length, 'toApply', m.toApply.length, 'app', m.applied); console.log(describeProgress(s).join('\n')) } }
  console.log(JSON.stringify(config))
  try { chaos(group, random, 4000, swarm(random)) } catch (e) { console.log(log.slice(-Number(process.env['TAIL'] ?? 150)).join('\n')); console.log(String(e)); show(); return }
  group.heal()
  for (const { raft } of group.members) {
    for (const id of [1, 2, 3, 4, 5]) raft.reportSnapshot(id, false)
  }
  for (const member of group.members) { member.disk.coldTo = 0; group.store(member); group.apply(member) }
  show()
  for (let i = 0; i < 100; i++) { for (const member of group.members) group.tick(member); group.settle() }
  show()
  for (const member of group.members) group.tick(member, 10)
  for (let i = 0; i < 5; i++) {
   for (const m of group.members) group.work(m)
   for (const m of group.network.splice(0)) { console.log(describeMessage(m)); group.deliver(m) }
  }
})
