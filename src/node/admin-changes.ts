import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TokenBucket } from '../session/token-bucket.ts'
import { adminRefusals } from './admin-refusals.ts'
import type { AdminRefusal } from './admin-refusals.ts'
import type { AdminAnswer, Administration, JoinRequest } from './administration.ts'

/** What the requests that change the cluster need of the endpoints around them. */
export interface ChangeDoor {
  /** Undefined until the node has started. */
  administration(): Administration | undefined
  /** Null: the request has the admin token; otherwise it has been answered. */
  refuse(request: FastifyRequest, reply: FastifyReply): FastifyReply | null
}

/** Joins asked of this node, whoever asks. Above: 429; nodes that join wait and ask again. */
const joinsPerSecond = 20

const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength })
const hex = (digits: number) => ({ type: 'string', pattern: `^[0-9a-f]{${digits}}$` })
const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
})

const joinBody = object({
  name: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,31}$' },
  peer: text(300),
  client: text(300),
  zone: { type: 'string', maxLength: 32 },
  bootId: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
  incarnation: hex(32),
  tokenHash: hex(64),
})
const tokenBody = object({ validForMs: { type: 'integer', minimum: 0 } })
const removeBody = object({ force: { type: 'boolean' } })

/** Requests that change something; every answer that is not 200 is `{error, says}` with a cure. */
export function changeRoutes(app: FastifyInstance, door: ChangeDoor): void {
  guarded(app, door)
  join(app, door)
}

function guarded(app: FastifyInstance, door: ChangeDoor): void {
  type Names = { id: string; name: string }
  const route = (
    method: 'POST' | 'DELETE',
    url: string,
    body: object | null,
    answer: (to: Administration, request: FastifyRequest) => Promise<AdminAnswer<unknown>>,
  ) =>
    app.route({
      method,
      url,
      ...(body === null ? {} : { schema: { body } }),
      attachValidation: true,
      handler: async (request, reply) =>
        door.refuse(request, reply) ?? answered(request, reply, door, (to) => answer(to, request)),
    })
  const named = (request: FastifyRequest) => request.params as Names
  route('POST', '/v1/tokens', tokenBody, (to, { body }) =>
    to.newToken((body as { validForMs: number }).validForMs),
  )
  route('DELETE', '/v1/tokens/:id', null, (to, request) => to.revokeToken(named(request).id))
  route('POST', '/v1/nodes/:name/drain', null, (to, request) =>
    to.setState(named(request).name, 'draining'),
  )
  route('POST', '/v1/nodes/:name/activate', null, (to, request) =>
    to.setState(named(request).name, 'active'),
  )
  route('POST', '/v1/nodes/:name/remove', removeBody, (to, request) =>
    to.remove(named(request).name, (request.body as { force: boolean }).force),
  )
}

/** Open to whoever knows the hash of a token; what is answered is of use only with the token itself. */
function join(app: FastifyInstance, door: ChangeDoor): void {
  const bucket = new TokenBucket(joinsPerSecond, performance.now())
  app.route({
    method: 'POST',
    url: '/v1/join',
    schema: { body: joinBody },
    attachValidation: true,
    handler: async (request, reply) => {
      if (!bucket.take(joinsPerSecond, performance.now())) return refused(reply, 'too-many-joins')
      return answered(request, reply, door, (to) => to.admit(request.body as JoinRequest))
    },
  })
}

async function answered(
  request: FastifyRequest,
  reply: FastifyReply,
  door: ChangeDoor,
  ask: (to: Administration) => Promise<AdminAnswer<unknown>>,
): Promise<FastifyReply> {
  if (request.validationError !== undefined) {
    return refused(reply, 'bad-request', request.validationError.message)
  }
  const administration = door.administration()
  if (administration === undefined) return refused(reply, 'not-started')
  const answer = await ask(administration)
  if (answer.ok) return reply.send(answer.value ?? {})
  return reply
    .code(adminRefusals[answer.error].status)
    .send({ error: answer.error, says: answer.says })
}

function refused(reply: FastifyReply, error: AdminRefusal, what = ''): FastifyReply {
  const row = adminRefusals[error]
  return reply.code(row.status).send({ error, says: row.says(what) })
}
