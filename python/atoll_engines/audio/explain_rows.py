"""What a network's answer rests on in a sound, as a map of heat over the spectrogram that it hears."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.audio.labelling.pipeline import AudioPipeline, open_package
from atoll_engines.audio.networks.log_mel import HOP_SECONDS
from atoll_engines.audio.tasks import task_of_package
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.explained import asked_rows, finish, output_of, told
from atoll_engines.media.heat import MOST_CELLS, REGIONS, as_png, in_cells
from atoll_engines.neural.attribution import Attribution, Parts, integrated_gradients

AT_ONCE = 8
TASKS = ("binary", "multiclass", "multilabel")


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `audio.explain`: integrated gradients, from a spectrogram that is the mean of all everywhere."""
    if job.parameters.get("overall"):
        raise BadInput("Gradients of sounds are of single sounds.", parameter="overall")
    if task_of_package(job) not in TASKS:
        raise BadInput("Only models that give sounds a label are explained by gradients.", task=task_of_package(job))
    package = open_package(job)
    pipeline: AudioPipeline = package.pipeline
    explanations = []
    frame = asked_rows(job, package)
    for place, value in enumerate(frame[pipeline.column]):
        samples = pipeline.samples(value, place)
        output = output_of(job, package, pipeline.predict_sounds(samples[None])[0])
        found, seen = of_sound(pipeline, samples, output)
        # Low notes below, as people draw them.
        heat, picture = found.parts[0][::-1], brightness(seen[::-1])
        rate = pipeline.model.setting.rate
        explanations.append(
            told(
                package, output, "integrated_gradients", found, kind="pixels", size=list(heat.shape), seen=as_png(picture[:, :, None]),
                cells=in_cells(heat, MOST_CELLS), regions=in_cells(heat, REGIONS),
                sound={"seconds": heat.shape[1] * HOP_SECONDS, "highestHz": rate / 2},
            )
        )  # fmt: skip
        report.progress("explain", place + 1, len(frame), None, f"{place + 1} of {len(frame)} sounds")
    return finish(job, report, explanations)


def of_sound(pipeline: AudioPipeline, samples: np.ndarray, output: int) -> tuple[Attribution, np.ndarray]:
    """Shares of the spectrogram's places [mels, frames], and the spectrogram."""
    network = pipeline.model.network.cpu().float().eval()
    with torch.no_grad():
        features, is_sound = network.prepared(torch.from_numpy(samples[None]))

    def answer(parts: Parts) -> torch.Tensor:
        margins = network.head(network.embed(parts[0], is_sound.expand(len(parts[0]), -1, -1)))
        return (torch.sigmoid(margins) if pipeline.task == "multilabel" else torch.softmax(margins, 1))[:, output]

    row = (features * is_sound).contiguous()
    return integrated_gradients(answer, (row,), (torch.zeros_like(row),), AT_ONCE, most=128), row[0].numpy()


def brightness(spectrogram: np.ndarray) -> np.ndarray:
    low, high = np.percentile(spectrogram, [2, 99.5])
    return (255 * np.clip((spectrogram - low) / max(1e-6, high - low), 0, 1)).astype(np.uint8)
