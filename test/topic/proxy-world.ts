import { grpTopic } from '../../src/ids/topic-name.ts'
import { parseUserId } from '../../src/ids/user-id.ts'
import { Attachment } from '../../src/topic/attachment.ts'
import { ProxyTopic } from '../../src/topic/proxy-topic.ts'

export const uid = parseUserId('usrFYHpffQQIhE')!

/** A session that reads at once. */
export const quick = {
  level: 'auth',
  userAgent: '',
  isSlow: false,
  knowsNotices: false,
  keep() {},
} as const

/** A proxy by itself: what it asked for, and what its sessions got. */
export function proxyWorld() {
  const asked: [number, number][] = []
  const got: any[] = []
  const proxy = new ProxyTopic(grpTopic(1, 2), 1, {
    now: () => 0,
    meSessions: () => [],
    isAttached: () => false,
    behind() {},
    catchUp: (_topic, low, high) => void asked.push([low, high]),
    listChanged() {},
    detached() {},
    idle() {},
  })
  const session = (sid: string): Attachment => {
    const deliver = ({ json }: { json: string }): boolean => got.push(JSON.parse(json)) > 0
    const attachment = new Attachment({ ...quick, sid, uid, deliver }, false)
    proxy.sessions.set(sid, attachment)
    return attachment
  }
  return { proxy, asked, got, session }
}
