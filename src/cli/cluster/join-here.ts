import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { isAddress, splitAddress } from '../../node/address.ts'
import { adminCall } from '../../node/admin-call.ts'
import { attemptedSelf, joinCluster, JoinRefused } from '../../node/join.ts'
import { addressFaults, membershipFile, readMembership } from '../../node/membership.ts'
import type { Addresses, Membership } from '../../node/membership.ts'
import { realClock } from '../../node/system.ts'
import { ConfigRefused } from '../../node/cluster-file.ts'
import { CommandFailed } from '../exit-codes.ts'
import { say } from '../output.ts'
import { freeBlock } from './cluster-folder.ts'

/** What a person says of the node that is to join; the rest is chosen here. */
export interface JoinHere {
  readonly members: readonly string[]
  readonly token: string | undefined
  readonly name: string | undefined
  readonly data: string | undefined
  readonly zone: string | undefined
  readonly addresses: Partial<Addresses>
}

/** Apart from the ports of `up`, which are remembered also while its nodes do not run. */
const firstPort = 6160
/** Of names and ports that turn out to be taken. */
const maxChoices = 8
const nodeName = /^[a-z0-9][a-z0-9-]{0,31}$/
const localHost = '127.0.0.1'

/** Joins, or finds that the folder has joined already; the data folder to serve from. */
export async function joinHere(wish: JoinHere): Promise<string> {
  checkForm(wish)
  const isChosen = wish.name === undefined && wish.data === undefined
  let isNameTaken = false
  let name = wish.name ?? nameOf(wish.data)
  for (let turn = 1; ; turn++) {
    if (isChosen) tokenOf(wish)
    name ??= isChosen ? claimedName(isNameTaken) : machineName(isNameTaken)
    const data = resolve(wish.data ?? name)
    if (existsSync(join(data, membershipFile))) {
      const known = readMembership(data) as Membership
      say(`${data} is the home of ${known.self.name}, which has joined already: starting it`)
      return data
    }
    const token = tokenOf(wish)
    const self = await selfOf(wish, name, data, turn)
    const isNew = isChosen || !existsSync(data)
    say(`joining through ${wish.members.join(', ')} as ${name}`)
    try {
      const wishes = { members: wish.members, token, data, self }
      tell(await joinCluster(wishes, around), data)
      return data
    } catch (error) {
      const mayChoose =
        error instanceof JoinRefused &&
        ((error.code === 'name-taken' && wish.name === undefined) ||
          (error.code === 'address-taken' && wish.addresses.peer === undefined))
      const mayStay = mayChoose && turn < maxChoices
      isNameTaken = error instanceof JoinRefused && error.code === 'name-taken'
      const isLeft = isNew && !(mayStay && !isNameTaken)
      if (isLeft && existsSync(data) && readdirSync(data).length === 0) rmdirSync(data)
      if (mayStay) {
        if (isNameTaken) name = undefined
        continue
      }
      if (!(error instanceof JoinRefused)) throw error
      throw new CommandFailed(
        error.code === 'unreachable' ? 'unreachable' : 'refused',
        error.message,
      )
    }
  }
}

const around = {
  clock: realClock,
  call: adminCall,
  pause: (ms: number) => new Promise<void>((go) => setTimeout(go, ms)),
  say,
}

function tokenOf({ token = process.env['FLOTILLA_JOIN_TOKEN'] }: JoinHere): string {
  if (token !== undefined && token !== '') return token
  throw new CommandFailed('usage', 'say --token T, or set FLOTILLA_JOIN_TOKEN')
}

function checkForm(wish: JoinHere): void {
  const bad = wish.members.find((it) => !isAddress(it))
  if (bad !== undefined) throw new CommandFailed('usage', `--join takes host:port, not ${bad}`)
  if (wish.name !== undefined && !nodeName.test(wish.name)) {
    throw new CommandFailed('usage', '--name takes small letters, digits and dashes, 32 at most')
  }
  if (wish.zone !== undefined && !nodeName.test(wish.zone)) {
    throw new CommandFailed('usage', '--zone takes small letters, digits and dashes, 32 at most')
  }
  const faults = addressFaults(wish.addresses)
  if (faults.length > 0) throw new ConfigRefused('the command line', faults)
}

/** An attempt that was interrupted goes on with what it had asked for. */
async function selfOf(
  wish: JoinHere,
  name: string,
  data: string,
  turn: number,
): Promise<Membership['self']> {
  const before = turn === 1 ? attemptedSelf(data) : undefined
  const known = before?.name === name ? before : await chosen(wish.members[0] as string, turn)
  return { ...known, ...wish.addresses, name, zone: wish.zone ?? before?.zone ?? '' }
}

/** Free ports, on the address of this machine from which the cluster is reached. */
async function chosen(member: string, turn: number): Promise<Addresses> {
  const own = (await addressTowards(member)) ?? localHost
  const base = await freeBlock(3, firstPort + 100 * (turn - 1), own)
  const host = own.includes(':') ? `[${own}]` : own
  return {
    client: `${host}:${base}`,
    // Nobody but this machine needs it, unless a person says so.
    admin: `${localHost}:${base + 1}`,
    peer: `${host}:${base + 2}`,
  }
}

function addressTowards(member: string): Promise<string | undefined> {
  const socket = connect({ ...splitAddress(member), timeout: 2_000 })
  return new Promise((done) => {
    const end = (address: string | undefined): void => {
      socket.destroy()
      done(address)
    }
    socket.once('connect', () => end(socket.localAddress?.replace(/^::ffff:/, '')))
    socket.once('error', () => end(undefined))
    socket.once('timeout', () => end(undefined))
  })
}

function nameOf(data: string | undefined): string | undefined {
  if (data === undefined) return undefined
  return attemptedSelf(resolve(data))?.name
}

/** The machine's name, with something random behind it when the cluster has one of that name. */
function machineName(isTaken: boolean): string {
  const plain = hostname()
    .split('.')[0]!
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 24)
  const first = plain === '' ? 'node' : plain
  return isTaken ? `${first}-${randomBytes(2).toString('hex')}` : first
}

/** A name whose folder nobody has here, and now has: of two that choose at once only one makes it. */
function claimedName(isTaken: boolean): string {
  for (let mustDiffer = isTaken; ; mustDiffer = true) {
    const name = machineName(mustDiffer)
    try {
      mkdirSync(name, { mode: 0o700 })
      return name
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

function tell({ index, cluster, self }: Membership, data: string): void {
  say(`${self.name} is node ${index} of cluster ${cluster.name}`)
  say(`  client ${self.client}, peer ${self.peer}, admin ${self.admin}, data ${data}`)
  say(`  to start it again: flotilla serve --data ${data}`)
}
