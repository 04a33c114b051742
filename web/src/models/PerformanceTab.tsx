import type { Model, ModelVersion, VersionDetails } from '@atoll/sdk'
import { useNavigate } from '@tanstack/react-router'
import { WorstImages } from '../places/WorstImages.tsx'
import { whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'
import { CellRows } from './CellRows.tsx'
import { ConfusionMatrix } from './ConfusionMatrix.tsx'
import { CurveCharts, LearningCurve } from './CurveCharts.tsx'
import { evaluationOf, trainingOf } from './evidence.ts'
import { ForecastCharts } from './ForecastCharts.tsx'
import { LanguageEvidence } from './LanguageEvidence.tsx'
import { MarkedExamples } from './MarkedExamples.tsx'
import { MetricsTable } from './MetricsTable.tsx'
import { PerClassTable } from './PerClassTable.tsx'
import { ResidualCharts } from './ResidualCharts.tsx'
import { DiarisationCharts, VerificationCharts } from './SpeakerCharts.tsx'
import { ThresholdLab } from './ThresholdLab.tsx'
import { WrittenTexts } from './WrittenTexts.tsx'

const words: Record<string, { severity: 'good' | 'warning' | 'serious'; word: string }> = {
  good_fit: { severity: 'good', word: 'Fits well' },
  overfit: { severity: 'warning', word: 'Overfits' },
  underfit: { severity: 'warning', word: 'Underfits' },
}

const confusionNotes: Record<string, string> = {
  detection:
    'Objects that overlap by at least a half are paired; one that was not found, or found where there is none, is paired with "nothing". Choose a cell to see its rows.',
  segmentation: 'Pixels. Choose a cell to see the rows with most of them.',
}

/** How good it is, on rows that nothing had seen. */
export function PerformanceTab({ model, version, details }: { model: Model; version: ModelVersion; details: VersionDetails }) {
  const navigate = useNavigate()
  const evaluation = evaluationOf(details)
  const training = trainingOf(details)
  const diagnosis = evaluation?.diagnosis
  const told = diagnosis ? words[diagnosis.kind] : undefined
  const open = (actual: string, predicted: string) =>
    void navigate({ to: '.', search: (old) => ({ ...old, cell: `${actual}|${predicted}` }), resetScroll: false })
  return (
    <div className="space-y-6">
      {diagnosis && told && (
        <Notice severity={told.severity} word={told.word}>
          {diagnosis.sentence}
        </Notice>
      )}
      <div className="grid gap-6 xl:grid-cols-2">
        <Section title="Measures" note={evaluation ? `On ${whole(evaluation.rows)} sealed rows, opened once.` : undefined}>
          <MetricsTable version={version} training={training} />
        </Section>
        {version.task !== 'generation' && (
          <Section title="Learning">
            <LearningCurve version={version} training={training} />
          </Section>
        )}
      </div>
      {evaluation && version.task === 'binary' && evaluation.roc && (
        <ThresholdLab model={model} version={version} evaluation={evaluation} />
      )}
      {evaluation?.diarisation && <DiarisationCharts diarisation={evaluation.diarisation} />}
      {evaluation?.verification && <VerificationCharts verification={evaluation.verification} />}
      {evaluation && version.task === 'generation' && <LanguageEvidence version={version} evaluation={evaluation} />}
      {evaluation?.places && (
        <WorstImages version={version} places={evaluation.places} matrix={evaluation.confusion?.matrix ?? []} />
      )}
      {evaluation?.forecast && <ForecastCharts forecast={evaluation.forecast} target={version.target ?? 'value'} />}
      {evaluation?.texts && <WrittenTexts texts={evaluation.texts} />}
      {evaluation?.confusion && (version.task === 'multiclass' || !evaluation.roc) && (
        <Section title="Confusion matrix" note={confusionNotes[version.task] ?? 'Choose a cell to see its rows.'}>
          <ConfusionMatrix classes={evaluation.confusion.classes} matrix={evaluation.confusion.matrix} onOpen={open} />
          <CellRows model={model} version={version} />
        </Section>
      )}
      {evaluation && <CurveCharts evaluation={evaluation} positive={version.signature.positive} />}
      {evaluation?.perClass && (
        <Section title="By class">
          <PerClassTable
            perClass={evaluation.perClass}
            counted={version.task === 'detection' ? 'Objects' : version.task === 'segmentation' ? 'Pixels' : 'Rows'}
          />
        </Section>
      )}
      {evaluation?.spans && <MarkedExamples examples={evaluation.spans} labels={version.signature.classes ?? []} />}
      {evaluation?.residuals && <ResidualCharts residuals={evaluation.residuals} target={version.target ?? version.task} />}
    </div>
  )
}
