"""What an image network's answer rests on, as a map of heat over the picture that it sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.explained import asked_rows, finish, output_of, told
from atoll_engines.image.pipeline import ImagePipeline, open_package
from atoll_engines.media.heat import MOST_CELLS, REGIONS, as_png, in_cells
from atoll_engines.neural.attribution import Attribution, Parts, integrated_gradients

AT_ONCE = 8


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `image.explain`: integrated gradients, from a picture that is all in the mean colour."""
    if job.parameters.get("overall"):
        raise BadInput("Gradients of images are of single pictures.", parameter="overall")
    package = open_package(job)
    pipeline: ImagePipeline = package.pipeline
    frame = asked_rows(job, package)
    explanations = []
    for place, value in enumerate(frame[pipeline.column]):
        pixels = pipeline.pixels(value, place)
        output = output_of(job, package, pipeline.predict_images(pixels[None])[0])
        found = of_image(pipeline, pixels, output)
        heat = found.parts[0].sum(0)
        explanations.append(
            told(
                package, output, "integrated_gradients", found, kind="pixels", size=list(heat.shape), seen=as_png(pixels),
                cells=in_cells(heat, MOST_CELLS), regions=in_cells(heat, REGIONS),
            )
        )  # fmt: skip
        report.progress("explain", place + 1, len(frame), None, f"{place + 1} of {len(frame)} images")
    return finish(job, report, explanations)


def of_image(pipeline: ImagePipeline, pixels: np.ndarray, output: int) -> Attribution:
    """Shares of colours [C, H, W]."""
    network = pipeline.model.network.cpu().float().eval()
    with torch.no_grad():
        row = network.prepared(torch.from_numpy(pixels[None])).contiguous()
    baseline = network.mean.expand_as(row).contiguous()

    def answer(parts: Parts) -> torch.Tensor:
        margins = network.head(network.embed(parts[0]))
        return (torch.sigmoid(margins) if pipeline.task == "multilabel" else torch.softmax(margins, 1))[:, output]

    return integrated_gradients(answer, (row,), (baseline,), AT_ONCE, most=128)
