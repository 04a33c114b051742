import { Activity, Beaker, Boxes, Database, Flag, FlaskConical, House, Radio, RefreshCw, Rows3, Settings } from 'lucide-react'
import type { ComponentType } from 'react'

export interface PlaceOfWork {
  title: string
  /** Path below the project; '' is its home. */
  path: string
  /** Second key after `g`. */
  key: string
  icon: ComponentType<{ className?: string }>
}

/** The rail, in the order in which work flows. */
export const sections: readonly PlaceOfWork[] = [
  { title: 'Home', path: '', key: 'h', icon: House },
  { title: 'Goals', path: '/goals', key: 'g', icon: Flag },
  { title: 'Data', path: '/datasets', key: 'd', icon: Database },
  { title: 'Recipes', path: '/recipes', key: 'r', icon: Beaker },
  { title: 'Training', path: '/training', key: 't', icon: FlaskConical },
  { title: 'Models', path: '/models', key: 'm', icon: Boxes },
  { title: 'Endpoints', path: '/endpoints', key: 'e', icon: Radio },
  { title: 'Transforms', path: '/transforms', key: 'b', icon: Rows3 },
  { title: 'Monitors', path: '/monitors', key: 'o', icon: Activity },
  { title: 'Loops', path: '/loops', key: 'l', icon: RefreshCw },
  { title: 'Settings', path: '/settings', key: 's', icon: Settings },
]

/** What can be begun from anywhere. */
export const actions: readonly { title: string; path: string; words: string }[] = [
  { title: 'Add data', path: '/datasets/new', words: 'upload import csv file dataset' },
  { title: 'State a goal', path: '/goals/new', words: 'goal target metric contract' },
  { title: 'Train a model', path: '/training/new', words: 'fit search tune automl' },
  { title: 'New recipe', path: '/recipes/new', words: 'prepare features steps' },
  { title: 'Predict a table', path: '/transforms/new', words: 'batch transform score bulk' },
  { title: 'New pipeline', path: '/models/new-pipeline', words: 'ensemble cascade combine models' },
  { title: 'Deploy an endpoint', path: '/endpoints/new', words: 'serve predict' },
  { title: 'Watch an endpoint for drift', path: '/monitors/new', words: 'monitor drift alert' },
  { title: 'Let an endpoint heal itself', path: '/loops/new', words: 'loop retrain challenger automatic' },
  { title: 'Weights to begin with', path: '/weights', words: 'pretrained safetensors bert fine-tune' },
  { title: 'All jobs', path: '/jobs', words: 'queue running log' },
]
