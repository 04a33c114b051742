import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router'
import { queryClient } from './api.ts'
import { Frame } from './app/Frame.tsx'
import { findPlace } from './app/places.ts'
import { Missing, RouteError, RoutePending } from './app/RouteStates.tsx'
import { SignInPage } from './session/SignInPage.tsx'
import { sessionQuery } from './session/session.ts'

/** Search parameters are plain strings and numbers; each page reads those it knows. */
export interface PageSearch {
  tab?: string
  version?: string
  q?: string
  sort?: string
  where?: string
  filter?: string
  runs?: string
  dataset?: string
  goal?: string
  target?: string
  recipe?: string
  model?: string
  endpoint?: string
  report?: string
  column?: string
  state?: string
  cell?: string
  a?: string
  b?: string
  next?: string
  link?: string
  threshold?: string
  bias?: string
}

function validateSearch(raw: Record<string, unknown>): PageSearch {
  const search: Record<string, string> = {}
  for (const [key, value] of Object.entries(raw)) if (value != null && value !== '') search[key] = String(value)
  return search
}

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing, validateSearch })

const signIn = createRoute({ getParentRoute: () => root, path: '/sign-in', component: SignInPage })

/** Everything behind the sign-in. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  beforeLoad: async ({ location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery)
    if (!session.user) throw redirect({ to: '/sign-in', search: { next: location.href === '/' ? undefined : location.href } })
    return { session }
  },
  component: Outlet,
})

const start = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  beforeLoad: ({ context }) => {
    throw redirect({ to: '/p/$project', params: { project: context.session.defaultProject ?? 'default' } })
  },
})

/** `/open/<id>` finds the page of any id. */
const open = createRoute({
  getParentRoute: () => signedIn,
  path: '/open/$id',
  beforeLoad: async ({ params }) => {
    throw redirect({ href: await findPlace(params.id) })
  },
})

const project = createRoute({
  getParentRoute: () => signedIn,
  path: '/p/$project',
  component: Frame,
  notFoundComponent: Missing,
})

const home = createRoute({
  getParentRoute: () => project,
  path: '/',
  component: lazyRouteComponent(() => import('./home/HomePage.tsx'), 'HomePage'),
})
const goals = createRoute({
  getParentRoute: () => project,
  path: '/goals',
  component: lazyRouteComponent(() => import('./goals/GoalsPage.tsx'), 'GoalsPage'),
})
const newGoal = createRoute({
  getParentRoute: () => project,
  path: '/goals/new',
  component: lazyRouteComponent(() => import('./goals/NewGoalPage.tsx'), 'NewGoalPage'),
})
const goal = createRoute({
  getParentRoute: () => project,
  path: '/goals/$goal',
  component: lazyRouteComponent(() => import('./goals/GoalPage.tsx'), 'GoalPage'),
})
const datasets = createRoute({
  getParentRoute: () => project,
  path: '/datasets',
  component: lazyRouteComponent(() => import('./datasets/DatasetsPage.tsx'), 'DatasetsPage'),
})
const newDataset = createRoute({
  getParentRoute: () => project,
  path: '/datasets/new',
  component: lazyRouteComponent(() => import('./datasets/NewDatasetPage.tsx'), 'NewDatasetPage'),
})
const dataset = createRoute({
  getParentRoute: () => project,
  path: '/datasets/$dataset',
  component: lazyRouteComponent(() => import('./datasets/DatasetPage.tsx'), 'DatasetPage'),
})
const recipes = createRoute({
  getParentRoute: () => project,
  path: '/recipes',
  component: lazyRouteComponent(() => import('./recipes/RecipesPage.tsx'), 'RecipesPage'),
})
const newRecipe = createRoute({
  getParentRoute: () => project,
  path: '/recipes/new',
  component: lazyRouteComponent(() => import('./recipes/RecipePage.tsx'), 'NewRecipePage'),
})
const recipe = createRoute({
  getParentRoute: () => project,
  path: '/recipes/$recipe',
  component: lazyRouteComponent(() => import('./recipes/RecipePage.tsx'), 'RecipePage'),
})
const weights = createRoute({
  getParentRoute: () => project,
  path: '/weights',
  component: lazyRouteComponent(() => import('./weights/WeightsPage.tsx'), 'WeightsPage'),
})
const training = createRoute({
  getParentRoute: () => project,
  path: '/training',
  component: lazyRouteComponent(() => import('./training/TrainingPage.tsx'), 'TrainingPage'),
})
const newTraining = createRoute({
  getParentRoute: () => project,
  path: '/training/new',
  component: lazyRouteComponent(() => import('./training/NewTrainingPage.tsx'), 'NewTrainingPage'),
})
const compareRuns = createRoute({
  getParentRoute: () => project,
  path: '/training/compare',
  component: lazyRouteComponent(() => import('./training/ComparePage.tsx'), 'ComparePage'),
})
const run = createRoute({
  getParentRoute: () => project,
  path: '/training/runs/$run',
  component: lazyRouteComponent(() => import('./training/RunPage.tsx'), 'RunPage'),
})
const models = createRoute({
  getParentRoute: () => project,
  path: '/models',
  component: lazyRouteComponent(() => import('./models/ModelsPage.tsx'), 'ModelsPage'),
})
const compareModels = createRoute({
  getParentRoute: () => project,
  path: '/models/compare',
  component: lazyRouteComponent(() => import('./models/CompareVersionsPage.tsx'), 'CompareVersionsPage'),
})
const importModel = createRoute({
  getParentRoute: () => project,
  path: '/models/import',
  component: lazyRouteComponent(() => import('./models/ImportModelPage.tsx'), 'ImportModelPage'),
})
const newPipeline = createRoute({
  getParentRoute: () => project,
  path: '/models/new-pipeline',
  component: lazyRouteComponent(() => import('./models/NewPipelinePage.tsx'), 'NewPipelinePage'),
})
const model = createRoute({
  getParentRoute: () => project,
  path: '/models/$model',
  component: lazyRouteComponent(() => import('./models/ModelPage.tsx'), 'ModelPage'),
})
const endpoints = createRoute({
  getParentRoute: () => project,
  path: '/endpoints',
  component: lazyRouteComponent(() => import('./endpoints/EndpointsPage.tsx'), 'EndpointsPage'),
})
const newEndpoint = createRoute({
  getParentRoute: () => project,
  path: '/endpoints/new',
  component: lazyRouteComponent(() => import('./endpoints/NewEndpointPage.tsx'), 'NewEndpointPage'),
})
const endpoint = createRoute({
  getParentRoute: () => project,
  path: '/endpoints/$endpoint',
  component: lazyRouteComponent(() => import('./endpoints/EndpointPage.tsx'), 'EndpointPage'),
})
const transforms = createRoute({
  getParentRoute: () => project,
  path: '/transforms',
  component: lazyRouteComponent(() => import('./transforms/TransformsPage.tsx'), 'TransformsPage'),
})
const newTransform = createRoute({
  getParentRoute: () => project,
  path: '/transforms/new',
  component: lazyRouteComponent(() => import('./transforms/NewTransformPage.tsx'), 'NewTransformPage'),
})
const transform = createRoute({
  getParentRoute: () => project,
  path: '/transforms/$transform',
  component: lazyRouteComponent(() => import('./transforms/TransformPage.tsx'), 'TransformPage'),
})
const monitors = createRoute({
  getParentRoute: () => project,
  path: '/monitors',
  component: lazyRouteComponent(() => import('./monitors/MonitorsPage.tsx'), 'MonitorsPage'),
})
const newMonitor = createRoute({
  getParentRoute: () => project,
  path: '/monitors/new',
  component: lazyRouteComponent(() => import('./monitors/NewMonitorPage.tsx'), 'NewMonitorPage'),
})
const monitor = createRoute({
  getParentRoute: () => project,
  path: '/monitors/$monitor',
  component: lazyRouteComponent(() => import('./monitors/MonitorPage.tsx'), 'MonitorPage'),
})
const loops = createRoute({
  getParentRoute: () => project,
  path: '/loops',
  component: lazyRouteComponent(() => import('./loops/LoopsPage.tsx'), 'LoopsPage'),
})
const newLoop = createRoute({
  getParentRoute: () => project,
  path: '/loops/new',
  component: lazyRouteComponent(() => import('./loops/NewLoopPage.tsx'), 'NewLoopPage'),
})
const loop = createRoute({
  getParentRoute: () => project,
  path: '/loops/$loop',
  component: lazyRouteComponent(() => import('./loops/LoopPage.tsx'), 'LoopPage'),
})
const loopRun = createRoute({
  getParentRoute: () => project,
  path: '/loops/$loop/runs/$run',
  component: lazyRouteComponent(() => import('./loops/LoopRunPage.tsx'), 'LoopRunPage'),
})
const jobs = createRoute({
  getParentRoute: () => project,
  path: '/jobs',
  component: lazyRouteComponent(() => import('./jobs/JobsPage.tsx'), 'JobsPage'),
})
const job = createRoute({
  getParentRoute: () => project,
  path: '/jobs/$job',
  component: lazyRouteComponent(() => import('./jobs/JobPage.tsx'), 'JobPage'),
})
const settings = createRoute({
  getParentRoute: () => project,
  path: '/settings',
  component: lazyRouteComponent(() => import('./settings/SettingsPage.tsx'), 'SettingsPage'),
})

const routeTree = root.addChildren([
  signIn,
  signedIn.addChildren([
    start,
    open,
    project.addChildren([
      home,
      ...[goals, newGoal, goal, datasets, newDataset, dataset, recipes, newRecipe, recipe],
      ...[weights, training, newTraining, compareRuns, run, models, compareModels, importModel, newPipeline, model],
      ...[
        endpoints,
        newEndpoint,
        endpoint,
        transforms,
        newTransform,
        transform,
        monitors,
        newMonitor,
        monitor,
        jobs,
        job,
        settings,
      ],
      ...[loops, newLoop, loop, loopRun],
    ]),
  ]),
])

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  defaultErrorComponent: RouteError,
  defaultPendingComponent: RoutePending,
  defaultNotFoundComponent: Missing,
  defaultPendingMs: 200,
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const params = new URLSearchParams()
    for (const [key, value] of Object.entries(search)) if (value != null && value !== '') params.set(key, String(value))
    const text = params.toString()
    return text && `?${text}`
  },
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
