/** The rules that watch a network learn, as people read them; what each is judged by is in docs/neural-training.md. */
export interface RuleWords {
  name: string
  title: string
  asks: string
  /** How its evidence is drawn: by step or epoch, on a scale of powers of ten, or as one bar for each name. */
  picture: 'lines' | 'powers' | 'bars'
  unit: string
}

export const rules: readonly RuleWords[] = [
  { name: 'nan_loss', title: 'Loss is a number', asks: 'NaN or infinite losses', picture: 'lines', unit: 'loss' },
  {
    name: 'loss_not_decreasing',
    title: 'Loss decreases',
    asks: 'no fall by 1 % in four epochs',
    picture: 'lines',
    unit: 'loss',
  },
  {
    name: 'vanishing_gradient',
    title: 'Gradients do not vanish',
    asks: 'a layer that gets hardly any gradient, three looks in a row',
    picture: 'powers',
    unit: 'gradient per weight',
  },
  {
    name: 'exploding_gradient',
    title: 'Gradients do not explode',
    asks: 'a gradient far above the usual',
    picture: 'powers',
    unit: 'norm of the gradient',
  },
  {
    name: 'dead_relu',
    title: 'Rectifiers are alive',
    asks: 'layers where over half of the units answer 0 to every row',
    picture: 'lines',
    unit: 'share of dead units',
  },
  {
    name: 'saturated_activation',
    title: 'Activations are not saturated',
    asks: 'sigmoids and tanhs at their limits',
    picture: 'lines',
    unit: 'share at the limits',
  },
  {
    name: 'overfitting',
    title: 'No overfitting',
    asks: 'a validation loss that rises while that of training falls',
    picture: 'lines',
    unit: 'loss',
  },
  {
    name: 'overtraining',
    title: 'No overtraining',
    asks: 'eight epochs without a gain',
    picture: 'lines',
    unit: 'score',
  },
  {
    name: 'class_imbalance',
    title: 'Classes are balanced',
    asks: 'a class with ten times the rows of another, and nothing that makes up for it',
    picture: 'bars',
    unit: 'rows',
  },
  {
    name: 'poor_initialisation',
    title: 'First weights are sound',
    asks: 'weights that are all alike, or a first loss far above that of guessing',
    picture: 'bars',
    unit: 'spread of the weights',
  },
  {
    name: 'data_stall',
    title: 'Data keeps up',
    asks: 'over half of the time spent on fetching rows',
    picture: 'lines',
    unit: 'share of the time',
  },
  {
    name: 'forgetting',
    title: 'The source task is not forgotten',
    asks: 'a fall by a fifth of what the network could do when it came',
    picture: 'lines',
    unit: 'score',
  },
]

export const stateWords: Record<string, string> = {
  watching: 'watching',
  ok: 'well',
  broken: 'broken',
  not_applicable: 'does not apply',
  off: 'not watched',
}
