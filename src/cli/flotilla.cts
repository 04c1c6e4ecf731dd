#!/usr/bin/env node
/**
 * The door of the package. libuv reads the size of its thread pool when the pool is first used, and
 * loading an ES module uses it: so this one file is CommonJS, whose loading does not.
 * Disk syncs, LevelDB and password hashing share the pool; with four threads they wait for each other.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '8'
void import('./main.ts')
