import type { MemoryStore } from '../../src/store/memory-store.ts'

/** After `calls` more calls that change it, the store does nothing any more and answers nobody. */
export function crashAfter(store: MemoryStore, calls: number): void {
  let left = calls
  const limited = <A extends unknown[]>(call: (...args: A) => Promise<void>) => {
    return (...args: A): Promise<void> => (left-- > 0 ? call(...args) : new Promise(() => {}))
  }
  store.write = limited(store.write.bind(store))
  store.deleteRange = limited(store.deleteRange.bind(store))
  store.sync = limited(store.sync.bind(store))
}
