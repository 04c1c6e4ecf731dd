import type { CommandModule } from 'yargs'
import { exitCodeOf } from '../exit-code.ts'
import { AttachedWorld, readAttachFile } from '../world/attached.ts'
import { oneRun, runFlags } from './one-run.ts'
import type { RunArguments } from './one-run.ts'

interface AttachArguments extends RunArguments {
  readonly cluster: string
}

export const attachCommand: CommandModule<object, AttachArguments> = {
  command: 'attach',
  describe: 'the same with a cluster that runs already; it is told nothing but what your file says',
  builder: (y) =>
    runFlags(y, { nemesis: 'client-cut' }).option('cluster', {
      type: 'string',
      demandOption: true,
      requiresArg: true,
      describe: 'JSON: addresses, and commands that kill or pause a node; README.md has the format',
    }) as never,
  handler: async (argv) => {
    const file = readAttachFile(argv.cluster)
    const done = await oneRun(argv, {
      config: { cluster: argv.cluster, nodes: file.nodes.length },
      again: `attach --cluster ${argv.cluster}`,
      makeWorld: ({ prng }) => new AttachedWorld(file, prng.split('world')),
    })
    console.log(argv.json ? JSON.stringify(done.json, null, 2) : done.text)
    process.exitCode = exitCodeOf(done.result)
  },
}
