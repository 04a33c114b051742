import type { DuckDBConnection } from '@duckdb/node-api'
import { literal } from './sql.ts'

/**
 * Takes everything from a fresh database but the named files and folders: no other path, no network, no extension that is not built in,
 * bounded memory, and no way to loosen any of it.
 */
export async function lockDown(
  connection: DuckDBConnection,
  allow: { folders: readonly string[]; files: readonly string[]; scratch: string | null; memoryBytes: number; threads: number },
): Promise<void> {
  const list = (paths: readonly string[]) => `[${paths.map(literal).join(', ')}]`
  const settings = [
    `SET temp_directory = ${literal(allow.scratch ?? '')}`,
    `SET memory_limit = '${Math.floor(allow.memoryBytes / 1024 ** 2)}MiB'`,
    `SET threads = ${Math.max(1, Math.floor(allow.threads))}`,
    `SET TimeZone = 'UTC'`,
    'SET enable_progress_bar = true',
    'SET enable_progress_bar_print = false',
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    'SET allow_community_extensions = false',
    'SET allow_unsigned_extensions = false',
    'SET allow_persistent_secrets = false',
    'SET enable_external_file_cache = false',
    `SET allowed_directories = ${list(allow.folders.map((folder) => (folder.endsWith('/') ? folder : `${folder}/`)))}`,
    `SET allowed_paths = ${list(allow.files)}`,
    'SET enable_external_access = false',
    'SET lock_configuration = true',
  ]
  for (const setting of settings) await connection.run(setting)
}
