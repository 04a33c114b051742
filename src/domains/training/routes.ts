import * as z from 'zod'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import { Estimate, Job } from '../jobs/schema.ts'
import { versionRef } from '../registry/routes.ts'
import type { imagePreviews } from './image-previews.ts'
import type { ReplayService } from './replay.ts'
import { AlgorithmInfo, ImagePreview, ImagePreviewInput, TrainingCreated, TrainingInput } from './schema.ts'
import type { TrainingService } from './service.ts'

export const trainingRoutes = ({
  training,
  replays,
  previewImages,
}: {
  training: TrainingService
  replays: ReplayService
  previewImages: ReturnType<typeof imagePreviews>
}): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/algorithms',
    permission: 'training:read',
    tag: 'training',
    summary: 'Algorithms: for which tasks, what they are, what a search goes through',
    returns: z.object({ items: z.array(AlgorithmInfo) }),
    handle: () => ({ items: [...training.algorithms()] }),
  }),
  route({
    method: 'POST',
    path: '/v1/training-jobs',
    permission: 'training:create',
    tag: 'training',
    summary: 'Train a model: from data and goal to a registered, evaluated, proven version',
    body: TrainingInput,
    returns: TrainingCreated,
    status: 202,
    idempotent: true,
    handle: ({ principal, body }) => training.create(principal, body),
  }),
  route({
    method: 'POST',
    path: '/v1/training-jobs/estimate',
    permission: 'training:create',
    tag: 'training',
    summary: 'What a training would take',
    body: TrainingInput,
    returns: Estimate,
    handle: ({ principal, body }) => training.estimate(principal, body),
  }),
  route({
    method: 'POST',
    path: '/v1/training-jobs/preview-images',
    permission: 'training:create',
    tag: 'training',
    summary: 'A few images of a data set as they are and as training would change them',
    query: InProject,
    body: ImagePreviewInput,
    returns: ImagePreview,
    handle: ({ principal, body, query }) => previewImages(principal, body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/models/:model/versions/:version/replay',
    permission: 'training:create',
    tag: 'training',
    summary: 'Make a version again from what was pinned, and compare',
    query: InProject,
    returns: z.object({ job: Job }),
    status: 202,
    handle: async ({ principal, params, query }) => ({ job: await replays.replay(principal, versionRef(params), query.project) }),
  }),
]
