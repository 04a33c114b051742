/** Numbers, sizes, times and durations as people read them. */

const sizes = ['B', 'KB', 'MB', 'GB', 'TB']

/** 1536 → "1.5 KB" (1 KB = 1,000 B). */
export function bytes(value: number | null | undefined): string {
  if (value == null) return '–'
  let size = value
  let unit = 0
  while (size >= 999.5 && unit < sizes.length - 1) {
    size /= 1000
    unit++
  }
  return `${unit === 0 || size >= 99.5 ? Math.round(size) : size.toFixed(1)} ${sizes[unit]}`
}

/** 12345 → "12,345". */
export const whole = (value: number | null | undefined): string => (value == null ? '–' : Math.round(value).toLocaleString('en'))

/** "1 row", "5,000 rows". */
export const count = (value: number, one: string, many = `${one}s`): string => `${whole(value)} ${value === 1 ? one : many}`

/** A number with at most `digits` significant digits, never in a form longer than needed. */
export function short(value: number | null | undefined, digits = 4): string {
  if (value == null) return '–'
  // Files of a package write numbers that are not finite as words.
  if (typeof value !== 'number' || Number.isNaN(value)) return String(value)
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1e7 || size < 1e-4)
    return value
      .toExponential(Math.max(0, digits - 2))
      .replace('-', '−')
      .replace('e+', 'e')
  const text = Number.isInteger(value) && size < 1e7 ? value.toLocaleString('en') : trimmed(value, digits)
  return text.replace('-', '−')
}

function trimmed(value: number, digits: number): string {
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))))
  return Number(value.toFixed(Math.min(decimals, 8))).toLocaleString('en', { maximumFractionDigits: 8 })
}

/** How many decimals an interval of this half-width supports: one digit beyond its first non-zero one, at most 4. */
export function decimalsFor(halfWidth: number | null | undefined): number {
  if (halfWidth == null || !Number.isFinite(halfWidth) || halfWidth <= 0) return 3
  const first = -Math.floor(Math.log10(halfWidth))
  const leading = halfWidth * 10 ** first
  return Math.min(4, Math.max(0, leading < 3 ? first + 1 : first))
}

/** Value and half-width with the digits that the interval supports: 0.9134, 0.89, 0.93 → "0.91", "0.02". */
export function interval(value: number, low?: number | null, high?: number | null): { value: string; spread: string | null } {
  if (low == null || high == null) return { value: fixed(value, 3), spread: null }
  const half = (high - low) / 2
  const decimals = decimalsFor(half)
  return { value: fixed(value, decimals), spread: fixed(half, decimals) }
}

/** toFixed with a true minus sign and thousands. */
export function fixed(value: number, decimals: number): string {
  if (typeof value !== 'number' || !Number.isFinite(value)) return short(value)
  const rounded = Number(value.toFixed(decimals))
  return (rounded === 0 ? 0 : value)
    .toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    .replace('-', '−')
}

/** 0.984 → "98.4 %"; 0.98 → "98 %", or "98.0 %" where values stand below each other (`full`). */
export const percent = (share: number | null | undefined, decimals = 1, full = false): string => {
  if (share == null) return '–'
  const value = share * 100
  if (value > 0 && value < 0.1) return '< 0.1 %'
  if (value < 100 && value > 99.9) return '> 99.9 %'
  return `${full ? value.toFixed(decimals) : Number(value.toFixed(decimals))} %`
}

/** 75 → "1 min 15 s". */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return '–'
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`
  const all = Math.round(seconds)
  if (all < 60) return `${all} s`
  const hours = Math.floor(all / 3600)
  const minutes = Math.floor((all % 3600) / 60)
  if (hours >= 48) return `${Math.round(hours / 24)} days`
  if (hours > 0) return minutes ? `${hours} h ${minutes} min` : `${hours} h`
  const rest = all % 60
  return minutes < 10 && rest ? `${minutes} min ${rest} s` : `${minutes} min`
}

/** "3 min ago", "in 2 h". */
export function ago(iso: string, now = Date.now()): string {
  const seconds = (now - Date.parse(iso)) / 1000
  const size = Math.abs(seconds)
  const text =
    size < 45
      ? null
      : size < 3570
        ? `${Math.max(1, Math.round(size / 60))} min`
        : size < 86_000
          ? `${Math.round(size / 3600)} h`
          : size < 86_400 * 45
            ? plural(Math.round(size / 86_400), 'day')
            : size < 86_400 * 700
              ? plural(Math.round(size / 2_629_800), 'month')
              : plural(Math.round(size / 31_557_600), 'year')
  if (!text) return seconds < -5 ? 'in a moment' : 'just now'
  return seconds > 0 ? `${text} ago` : `in ${text}`
}

const plural = (value: number, unit: string) => `${value} ${unit}${value === 1 ? '' : 's'}`

/** Local time with its zone, for the hover text. */
export const exactTime = (iso: string): string =>
  new Date(iso).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

/** "21 Nov 2026, 09:07": the same in every country, for where no hover can be. */
export const dateTime = (iso: string): string =>
  new Date(iso).toLocaleString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' })

/** Any cell of a table, as text. */
export function cell(value: unknown): string {
  if (value == null) return ''
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(10)))
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}

/** "2024-01-10T08:30:00Z" → "2024-01-10 08:30:00"; midnight goes without its zeros. */
export const dateCell = (iso: string): string =>
  iso
    .replace('T', ' ')
    .replace(/(\.0+)?Z$/, '')
    .replace(/ 00:00:00$/, '')

/** `roc_auc` → "ROC AUC". */
export function metricName(name: string): string {
  return metricNames[name] ?? name.replaceAll('_', ' ')
}
const metricNames: Record<string, string> = {
  accuracy: 'Accuracy',
  balanced_accuracy: 'Balanced accuracy',
  precision: 'Precision',
  recall: 'Recall',
  f1: 'F1',
  f1_macro: 'F1 (macro)',
  f1_weighted: 'F1 (weighted)',
  roc_auc: 'ROC AUC',
  pr_auc: 'PR AUC',
  log_loss: 'Log loss',
  brier: 'Brier score',
  mcc: 'MCC',
  mae: 'MAE',
  rmse: 'RMSE',
  r2: 'R²',
  mape: 'MAPE',
  silhouette: 'Silhouette',
  davies_bouldin: 'Davies-Bouldin',
  calinski_harabasz: 'Caliński-Harabasz',
  noise_share: 'Share of noise',
  anomaly_share: 'Share of anomalies',
  stability: 'Stability',
  adjusted_rand: 'Adjusted Rand',
  normalized_mutual_information: 'Mutual information',
  trustworthiness: 'Trustworthiness',
  explained_variance: 'Explained variance',
  coherence: 'Coherence',
  perplexity: 'Perplexity',
  diversity: 'Diversity',
  mase: 'MASE',
  smape: 'sMAPE',
  quantile_loss: 'Quantile loss',
  coverage_80: 'Coverage of 80 %',
  f1_micro: 'F1 (micro)',
  hamming_loss: 'Hamming loss',
  exact_match: 'Exact match',
  word_error_rate: 'Word error rate',
  character_error_rate: 'Character error rate',
  chrf: 'chrF',
  rouge_l: 'ROUGE-L',
  preference_accuracy: 'Preference accuracy',
  preference_margin: 'Preference margin',
  mean_average_precision: 'mAP',
  average_precision_50: 'AP at 0.5',
  average_precision_75: 'AP at 0.75',
  mean_iou: 'Mean IoU',
  dice: 'Dice',
  pixel_accuracy: 'Pixel accuracy',
}

/** `hist_gradient_boosting` → "Hist gradient boosting"; names of libraries as they write themselves. */
export function algorithmName(name: string): string {
  const known: Record<string, string> = {
    llm_lora: 'LoRA',
    llm_full: 'Full fine-tuning',
    llm_pretrain: 'Pre-training',
    llm_dpo: 'Preference tuning (DPO)',
    xgboost: 'XGBoost',
    lightgbm: 'LightGBM',
    catboost: 'CatBoost',
    knn: 'k nearest neighbours',
    svm: 'SVM',
    mlp: 'Multi-layer perceptron',
    tabm: 'TabM',
    tabnet: 'TabNet',
    tab_transformer: 'TabTransformer',
    factorization_machine: 'Factorisation machine',
    pair_embeddings: 'Pair embeddings',
    hist_gradient_boosting: 'Histogram gradient boosting',
    naive_bayes: 'Naive Bayes',
    elastic_net: 'Elastic net',
    kmeans: 'k-means',
    dbscan: 'DBSCAN',
    hdbscan: 'HDBSCAN',
    pca: 'Principal components',
    umap: 'UMAP',
    tsne: 't-SNE',
    lda: 'LDA',
    prodlda: 'ProdLDA',
    one_class_svm: 'One-class SVM',
    audio_whisper: 'Whisper',
    text_seq2seq: 'Sequence to sequence',
  }
  const plain = name.replaceAll('_', ' ')
  return known[name] ?? plain.charAt(0).toUpperCase() + plain.slice(1)
}
