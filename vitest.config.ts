import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'jepsen-lite/**/*.test.ts'],
    testTimeout: 20_000,
    maxWorkers: 2,
    reporters: ['default'],
  },
})
