import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { openAdminHttp } from './admin-http.ts'
import type { AdminHttp } from './admin-http.ts'
import type { NodeConfig } from './config.ts'
import { takeDataFormat } from './data-format.ts'
import { Lifecycle, runStartPlan, runStopPlan } from './lifecycle.ts'
import type { ProcessDoor, Step } from './lifecycle.ts'
import { openLog } from './log.ts'
import { machineWarnings } from './machine-limits.ts'
import { MetricRegistry } from './metrics.ts'
import { changedOptions } from './options.ts'
import type { RunningNode, StartNode } from './running-node.ts'
import { createSecretFile, deriveKeys, readSecret } from './secrets.ts'
import type { ClusterKeys } from './secrets.ts'
import { realSystem } from './system.ts'
import { armedFaults } from '../fault-points.ts'
import type { Logger } from '../ports.ts'
import { packageVersion } from './version.ts'

/**
 * One process, one node: carries out the start plan, waits for a signal, carries out the stop plan.
 * The only place where a process is ended is the lifecycle.
 */
export class NodeRun {
  readonly config: NodeConfig
  readonly lifecycle: Lifecycle
  readonly #log: Logger
  readonly #metrics: MetricRegistry
  readonly #start: StartNode
  #keys: ClusterKeys | undefined
  #admin: AdminHttp | undefined
  #node: RunningNode | undefined

  constructor(config: NodeConfig, start: StartNode, door: ProcessDoor, log?: Logger) {
    this.config = config
    this.#start = start
    const fields = { name: config.self.name } // rooms call other nodes `node`
    this.#log = log ?? openLog({ level: config.options['log-level'], fields })
    this.#metrics = new MetricRegistry({ node: config.self.name })
    this.lifecycle = new Lifecycle(door, this.#log)
  }

  /** Starts the node and returns; it then runs until a signal. Throws StepFailed, with all that was opened closed. */
  async start(): Promise<void> {
    const began = performance.now()
    this.lifecycle.onStop((why) => this.#stop(why))
    try {
      await runStartPlan(this.startPlan(), this.#log)
    } catch (error) {
      await runStopPlan(this.stopPlan().slice(1), this.#log)
      throw error
    }
    this.#summary(Math.round(performance.now() - began))
  }

  startPlan(): Step[] {
    return [
      {
        name: 'data',
        says: 'makes the data folder, and warns about limits of this machine',
        deadlineMs: 5_000,
        run: () => this.#openData(),
      },
      {
        name: 'secret',
        says: 'reads the secret of the cluster and derives its keys',
        deadlineMs: 5_000,
        run: () => this.#openSecret(),
      },
      {
        name: 'admin',
        says: 'listens for admin requests: alive from here on, not ready',
        deadlineMs: 5_000,
        run: () => this.#openAdmin(),
      },
      {
        name: 'node',
        says: 'opens log and store, recovers the groups, links to the peers, listens to clients',
        deadlineMs: 600_000,
        run: () => this.#openNode(),
      },
    ]
  }

  stopPlan(): Step[] {
    return [
      {
        name: 'drain',
        says: 'not ready any more; leaderships handed over, sessions told to move',
        deadlineMs: this.config.options['drain-timeout-ms'],
        run: () => this.#node?.drain(),
      },
      {
        name: 'node',
        says: 'sessions, links and stores closed, the log flushed',
        deadlineMs: 10_000,
        run: () => this.#node?.close(),
      },
      {
        name: 'admin',
        says: 'admin address closed',
        deadlineMs: 2_000,
        run: () => this.#admin?.close(),
      },
    ]
  }

  async #stop(why: string): Promise<number> {
    const failed = await runStopPlan(this.stopPlan(), this.#log)
    this.#log.info({ why, failed }, 'stopped')
    return failed === 0 ? 0 : 1
  }

  #openData(): void {
    const { data } = this.config.self
    mkdirSync(data, { recursive: true, mode: 0o700 })
    for (const fault of armedFaults()) this.#log.warn({ fault }, 'planted by FLOTILLA_FAULTS')
    takeDataFormat(data)
    for (const warning of machineWarnings(data)) this.#log.warn({}, warning)
  }

  /** Development clusters make their secret at the first start; for production somebody must have decided on one. */
  #openSecret(): void {
    const { name, profile, secret } = this.config.cluster
    const mayMake = profile === 'development' && this.config.joined === null
    if (secret.kind === 'file' && mayMake) {
      mkdirSync(dirname(secret.path), { recursive: true, mode: 0o700 })
      if (createSecretFile(secret.path))
        this.#log.info({ file: secret.path }, 'made a random secret')
    }
    this.#keys = deriveKeys(readSecret(secret), name, profile)
  }

  async #openAdmin(): Promise<void> {
    this.#admin = await openAdminHttp({
      listen: this.config.self.admin,
      token: this.#keys!.adminToken,
      clusterName: this.config.cluster.name,
      facts: () => this.#node?.facts,
      administration: () => this.#node?.administration,
      metrics: this.#metrics,
    })
  }

  async #openNode(): Promise<void> {
    const fatal = (error: unknown) => this.lifecycle.fatal(error)
    this.#node = await this.#start(this.config, {
      ...realSystem(fatal),
      logger: this.#log,
      metrics: this.#metrics,
      keys: this.#keys!,
      version: packageVersion(),
      fatal,
    })
  }

  /** The one line that tells what runs here. */
  #summary(startMs: number): void {
    const { cluster, self, nodes, options } = this.config
    this.#log.info(
      {
        version: packageVersion(),
        runtime: process.version,
        pid: process.pid,
        cluster: cluster.name,
        profile: cluster.profile,
        partitions: cluster.partitions,
        replicationFactor: cluster.replicationFactor,
        nodes: nodes.length,
        client: self.client,
        peer: self.peer,
        admin: this.#admin!.address,
        data: self.data,
        options: changedOptions(options),
        startMs,
      },
      'started',
    )
  }
}
