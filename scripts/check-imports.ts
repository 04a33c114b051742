/** Checks that imports point down, and that raw files, sockets and processes stay in the ports. Says how much it saw: a check that sees nothing passes nothing. */
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'

interface Import {
  /** What is imported from: a path under src (`domains/auth/access.ts`), or a package. */
  to: string
  names: string[]
  isType: boolean
  line: number
}

export interface Module {
  path: string
  imports: Import[]
  callsFetch: number | null
  code: string
}

const root = resolve(import.meta.dirname, '..')

/** Every module under `src`, with its imports. */
function readModules(src: string): Module[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => readModule(path.split(sep).join('/'), readFileSync(join(src, path), 'utf8')))
}

/** The imports of one module: static, re-exported and dynamic ones with a fixed name. */
export function readModule(path: string, text: string): Module {
  const code = withoutComments(text)
  const imports: Import[] = []
  const statement =
    /\b(import|export)\s+(type\s+)?(?:([\w$*\s{},]+?)\s+from\s+)?(['"])([^'"\n]+)\4|\bimport\(\s*(['"])([^'"\n]+)\6/g
  for (const match of code.matchAll(statement)) {
    const names = (match[3] ?? '')
      .replace(/[{}]/g, ' ')
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean)
    const isType = match[2] !== undefined || (names.length > 0 && names.every((name) => name.startsWith('type ')))
    const specifier = (match[5] ?? match[7]) as string
    const to = specifier.startsWith('.') ? join(dirname(path), specifier).split(sep).join('/') : specifier
    imports.push({ to, names, isType, line: code.slice(0, match.index).split('\n').length })
  }
  const fetchAt = /(?<![.\w$])fetch\(/.exec(withoutStrings(code))
  return { path, imports, callsFetch: fetchAt ? code.slice(0, fetchAt.index).split('\n').length : null, code }
}

/** All that is wrong, one line each, and the order of the domains as the map builds them. */
export function checkModules(modules: readonly Module[]): { problems: string[]; domains: string[] } {
  const byPath = new Map(modules.map((module) => [module.path, module]))
  const map = byPath.get('platform.ts')
  const domains = map ? orderOfDomains(map) : []
  const adapters = new Set(map?.imports.filter((i) => i.to.startsWith('ports/') && !i.isType).map((i) => i.to))
  const problems: string[] = []
  for (const module of modules) {
    const isTest = /\.test\.ts$|(^|\/)testing[\w-]*\.ts$|\/contract\.ts$/.test(module.path)
    const complain = (line: number, what: string) => problems.push(`src/${module.path}:${line} ${what}`)
    for (const one of module.imports) {
      if (isOurs(one.to)) {
        if (!byPath.has(one.to) && !one.to.endsWith('.json')) complain(one.line, `imports ${one.to}, which is not there`)
        if (isTest) continue
        const wrong = wrongDirection(module.path, one.to, domains)
        if (wrong) complain(one.line, wrong)
        else if (
          !one.isType &&
          module.path !== 'platform.ts' &&
          !module.path.startsWith('standalone/') &&
          !module.path.startsWith('ports/') &&
          reachesOut(one.to, { adapters, byPath })
        )
          complain(one.line, `imports the adapter ${one.to}: only platform.ts names adapters`)
      } else if (!isTest && !mayReachOut(module.path) && !one.isType && isRaw(one)) {
        complain(one.line, `imports ${one.to}: raw files, sockets and processes belong in a port`)
      }
    }
    if (module.callsFetch !== null && !isTest && !module.path.startsWith('standalone/'))
      complain(module.callsFetch, 'calls fetch: the one way out is ports/outbound')
  }
  return { problems, domains }
}

const layers = ['kernel', 'ports', 'domains', 'facades', 'map', 'main'] as const

/** What is started by itself: backup and restore, and the server that exported models come with, which is a map of its own. */
const isProgram = (path: string): boolean => path.startsWith('maintenance/') || path.startsWith('standalone/')

function layerOf(path: string): number {
  const first = path.split('/', 1)[0] as (typeof layers)[number]
  if (path === 'platform.ts' || path.startsWith('platform/')) return layers.indexOf('map')
  if (isProgram(path)) return layers.indexOf('main')
  return path.includes('/') ? layers.indexOf(first) : layers.indexOf('main')
}

function wrongDirection(from: string, to: string, domains: readonly string[]): string | null {
  if (to.startsWith('..')) return to.endsWith('package.json') ? null : `imports ${to}, which is outside src`
  const [own, other] = [layerOf(from), layerOf(to)]
  if (own === -1) return `is in no layer (${layers.slice(0, 4).join(', ')})`
  if (other > own) return `imports ${to}: ${layers[own]} must not see ${layers[other]}`
  if (layers[own] !== 'domains' || layers[other] !== 'domains') return null
  const [mine, theirs] = [from.split('/')[1] as string, to.split('/')[1] as string]
  const [myPlace, theirPlace] = [domains.indexOf(mine), domains.indexOf(theirs)]
  // A domain that the map does not build yet has no place to compare.
  if (mine === theirs || myPlace === -1 || theirPlace === -1) return null
  return theirPlace < myPlace ? null : `imports ${to}: ${theirs} is built after ${mine} in platform.ts`
}

/** Domains in the order in which the map builds them: where it first calls what it imports from each, routes and migrations aside. */
function orderOfDomains(map: Module): string[] {
  const body = map.code.slice(map.code.lastIndexOf('\nimport '))
  const places = new Map<string, number>()
  for (const { to, names, isType } of map.imports) {
    const domain = /^domains\/([^/]+)\//.exec(to)?.[1]
    if (!domain || isType) continue
    const builders = names.map((name) => name.replace(/^.* as /, '')).filter((name) => !/(Routes|Migrations)$/.test(name))
    const calls = builders.map((name) => body.search(new RegExp(`\\b${name}\\(`))).filter((at) => at >= 0)
    if (calls.length > 0) places.set(domain, Math.min(places.get(domain) ?? Number.POSITIVE_INFINITY, ...calls))
  }
  return [...places].sort((a, b) => a[1] - b[1]).map(([name]) => name)
}

const isOurs = (to: string): boolean => /\.(ts|json)$/.test(to) || to.startsWith('..')

/** Ports, and the top of the program: what it prints, where it listens. */
const mayReachOut = (path: string): boolean =>
  path.startsWith('ports/') || isProgram(path) || (!path.includes('/') && path !== 'platform.ts')

const rawModules =
  /^node:(fs|fs\/promises|child_process|net|tls|http|https|http2|dgram|worker_threads|cluster|vm)$|^(undici|better-sqlite3|pg|@duckdb\/.*|onnxruntime-node)$/

const isRaw = ({ to, names }: Import): boolean =>
  rawModules.test(to) && !(to === 'node:net' && names.every((name) => /^isIP(v[46])?$/.test(name)))

/** Whether a module of the ports is an adapter: the map names it, or it itself touches the world. */
function reachesOut(to: string, { adapters, byPath }: { adapters: Set<string>; byPath: Map<string, Module> }): boolean {
  if (!to.startsWith('ports/')) return false
  return adapters.has(to) || (byPath.get(to)?.imports.some((one) => !one.isType && isRaw(one)) ?? false)
}

/** The web page talks through the SDK; the SDK shares the platform's types and nothing else. */
function outsideProblems(): string[] {
  const problems: string[] = []
  for (const folder of ['web', 'sdk'])
    for (const path of globSync(`${folder}/src/**/*.{ts,tsx}`, { cwd: root })) {
      if (/\.test\.tsx?$/.test(path)) continue
      for (const one of readModule(path, readFileSync(join(root, path), 'utf8')).imports) {
        const into = relative('src', one.to).split(sep).join('/')
        if (one.to.startsWith('src/') && !(folder === 'sdk' && one.isType))
          problems.push(`${path}:${one.line} imports src/${into}`)
      }
    }
  return problems
}

/** Blanks out comments, keeping the lines. */
function withoutComments(text: string): string {
  return text.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|(?<![:\\/])\/\/[^\n]*/g,
    (all, string) => (string !== undefined ? all : all.replace(/[^\n]/g, ' ')),
  )
}

const withoutStrings = (code: string): string =>
  code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, (all) => all.replace(/[^\n]/g, ' '))

if (import.meta.main) {
  const src = join(root, 'src')
  const modules = readModules(src)
  const files = globSync('**/*.ts', { cwd: src }).length
  const { problems, domains } = checkModules(modules)
  if (modules.length !== files) problems.push(`saw ${modules.length} modules, but there are ${files} .ts files under src`)
  if (modules.length <= 30) problems.push(`saw only ${modules.length} modules`)
  const imports = modules.reduce((sum, module) => sum + module.imports.length, 0)
  if (imports < modules.length) problems.push(`saw only ${imports} imports in ${modules.length} modules`)
  problems.push(...outsideProblems())
  for (const problem of problems) console.error(problem)
  console.log(`${modules.length} modules, ${imports} imports; domains in order: ${domains.join(' ')}`)
  process.exitCode = problems.length > 0 ? 1 : 0
}
