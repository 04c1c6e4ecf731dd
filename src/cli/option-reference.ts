import { environmentName, optionNames, optionRow } from '../node/options.ts'
import type { OptionRow, Section } from '../node/options.ts'

const titles: Readonly<Record<Section, string>> = {
  raft: 'Raft',
  storage: 'Storage',
  chat: 'Chat',
  sessions: 'Sessions',
  limits: 'Rate limits',
  running: 'Running',
}

/** The option table as Markdown: the derived part of docs/config.md. */
export function optionReference(): string {
  const parts = Object.entries(titles).map(([section, title]) => {
    const rows = optionNames
      .filter((name) => optionRow(name).section === section)
      .map((name) => {
        const row = optionRow(name)
        return `| \`${name}\` | ${standardOf(row)} | ${allowedOf(row)} | \`${environmentName(name)}\` | ${row.says} |`
      })
    return [
      `### ${title}`,
      '',
      '| Option | Default | Allowed | Environment | Meaning |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n')
  })
  return `${parts.join('\n\n')}\n`
}

function standardOf(row: OptionRow): string {
  return row.type === 'number' ? `${row.default} ${row.unit}` : String(row.default)
}

function allowedOf(row: OptionRow): string {
  switch (row.type) {
    case 'number':
      return `${row.min}..${row.max}`
    case 'boolean':
      return 'true, false'
    case 'choice':
      return row.choices.join(', ')
  }
}
