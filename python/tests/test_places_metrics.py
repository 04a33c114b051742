"""Metrics of boxes and masks against cases worked by hand, and the arithmetic of the way between an image and the square."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")

from atoll_engines.image.detection.boxes import iou_matrix
from atoll_engines.image.detection.found import found_objects
from atoll_engines.image.detection.metrics import average_precisions, matched, precisions_of
from atoll_engines.image.preprocess import Preprocess, preprocess_graph
from atoll_engines.image.segmentation.metrics import confusion_of, scores_of
from atoll_engines.image.spatial.placement import mask_to_image, mask_to_square, placement_of, to_image, to_square


def of(*rows: tuple[float, ...], width: int) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, width)


def test_average_precision_of_cases_worked_by_hand():
    there = [of((0, 0, 0, 10, 10), (0, 20, 20, 30, 30), width=5)]
    both = [of((0, 0.9, 0, 0, 10, 10), (0, 0.8, 20, 20, 30, 30), width=6)]
    assert average_precisions(there, both, 1).mean == pytest.approx(1.0)
    # One of two found: precision 1 up to a recall of a half, which 51 of the 101 points are within.
    half = average_precisions(there, [both[0][:1]], 1)
    assert [half.at_50, half.mean] == pytest.approx([51 / 101] * 2)
    # A false one before the true one: precision 1/2, then 2/3 at both recalls.
    wrong = [of((0, 0.95, 50, 50, 60, 60), (0, 0.9, 0, 0, 10, 10), (0, 0.8, 20, 20, 30, 30), width=6)]
    assert average_precisions(there, wrong, 1).at_50 == pytest.approx(2 / 3)
    # The second box on the same object is a mistake, however well it fits.
    twice = [of((0, 0.9, 0, 0, 10, 10), (0, 0.8, 0, 0, 10, 10), width=6)]
    assert average_precisions(there, twice, 1).at_50 == pytest.approx(51 / 101)


def test_overlaps_between_a_half_and_one_count_at_some_of_the_ten_levels():
    there = [of((0, 0, 0, 10, 10), width=5)]
    found = [of((0, 0.9, 0, 0, 10, 7.2), width=6)]
    assert iou_matrix(found[0][:, 2:], there[0][:, 1:])[0, 0] == pytest.approx(0.72)
    scores = average_precisions(there, found, 1)
    assert (scores.at_50, scores.at_75) == (1.0, 0.0) and scores.mean == pytest.approx(0.5)


def test_classes_without_objects_do_not_count_and_resamples_weigh_images():
    there = [of((0, 0, 0, 10, 10), width=5), of((0, 0, 0, 10, 10), width=5), of(width=5)]
    found = [of((0, 0.9, 0, 0, 10, 10), width=6), of(width=6), of((1, 0.9, 0, 0, 5, 5), width=6)]
    parts = matched(there, found, 2)
    assert precisions_of(parts).at_50 == pytest.approx(51 / 101)
    assert precisions_of(parts, np.array([3.0, 0, 0])).at_50 == pytest.approx(1.0)
    assert np.isnan(precisions_of(parts, np.array([0.0, 0, 3])).mean)


def test_it_is_what_the_reference_says_where_that_is_installed():
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    random = np.random.default_rng(3)
    there, found, images, boxes, said = [], [], [], [], []
    for image in range(25):
        real = np.concatenate([random.integers(0, 3, (4, 1)), random.uniform(0, 60, (4, 2)), np.zeros((4, 2))], 1)
        real[:, 3:] = real[:, 1:3] + random.uniform(8, 40, (4, 2))
        near = real[random.random(4) < 0.8]
        guess = np.concatenate([near[:, :1], random.random((len(near), 1)), near[:, 1:] + random.normal(0, 2.5, (len(near), 4))], 1)
        there.append(real)
        found.append(guess)
        images.append({"id": image + 1})
        for k, x1, y1, x2, y2 in real:
            boxes.append({
                "id": len(boxes) + 1, "image_id": image + 1, "category_id": int(k), "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1), "iscrowd": 0,
            })  # fmt: skip
        said += [
            {"image_id": image + 1, "category_id": int(k), "score": s, "bbox": [x1, y1, x2 - x1, y2 - y1]} for k, s, x1, y1, x2, y2 in guess
        ]
    truth = coco.COCO()
    truth.dataset = {"images": images, "annotations": boxes, "categories": [{"id": k} for k in range(3)]}
    truth.createIndex()
    judged = COCOeval(truth, truth.loadRes(said), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    ours = average_precisions(there, found, 3)
    np.testing.assert_allclose([ours.mean, ours.at_50, ours.at_75], judged.stats[:3], atol=1e-12)


def test_mean_iou_dice_and_pixel_accuracy_by_hand():
    actual, said = np.array([[0, 0, 1], [1, 255, 2]], np.uint8), np.array([[0, 1, 1], [1, 2, 0]], np.uint8)
    scores = scores_of(confusion_of(actual, said, 4, 255))
    # Ground: 1 of 3; one: 2 of 3; two: 0 of 1; the fourth class is nowhere.
    assert scores["mean_iou"] == pytest.approx((1 / 3 + 2 / 3 + 0) / 3)
    assert scores["dice"] == pytest.approx((1 / 2 + 4 / 5 + 0) / 3)
    assert scores["pixel_accuracy"] == pytest.approx(3 / 5)


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("side", [(37, 90), (90, 37), (64, 64), (3, 200)])
def test_the_way_to_the_square_and_back(fit: str, side: tuple[int, int]):
    place = placement_of(*side, 64, fit)
    image = np.zeros((*side, 3), np.uint8)
    image[:, :, 1] = 200
    square = Preprocess(preprocess_graph(64, 3, fit))(image)
    rows, columns = np.nonzero(square[..., 1])
    # The arithmetic is that of the graph which makes the pixels.
    assert (rows.min(), columns.min()) == (place.top, place.left)
    assert (rows.max() + 1 - rows.min(), columns.max() + 1 - columns.min()) == (place.new_height, place.new_width)
    boxes = np.array([[1.0, 2.0, side[1] - 1.0, side[0]]])
    np.testing.assert_allclose(to_image(to_square(boxes, place), place), boxes, atol=1e-9)
    mask = np.zeros(side, np.uint8)
    mask[:, side[1] // 2 :] = 1
    back = mask_to_image(mask_to_square(mask, place, 64, 255), place)
    assert back.shape == side and (back == mask).mean() > 0.95 and 255 not in back


def test_of_overlapping_boxes_of_a_class_the_best_is_told():
    place = placement_of(50, 100, 100, "pad")
    said = of(
        (0, 0.9, 10, 30, 30, 50), (0, 0.8, 11, 30, 31, 50), (1, 0.7, 11, 30, 31, 50), (0, 0.005, 70, 30, 80, 40),
        (0, 0.6, 90, 30, 130, 60), (0, 0.5, 5, 0, 20, 20), width=6,
    ).ravel()  # fmt: skip
    found = found_objects(said, place, nms=0.6)
    # The last lies wholly in what was filled in; the one before is cut off at the edge.
    np.testing.assert_allclose(found[:, :2], [[0, 0.9], [1, 0.7], [0, 0.6]])
    np.testing.assert_allclose(found[0, 2:], [10, 5, 30, 25])
    np.testing.assert_allclose(found[2, 2:], [90, 5, 100, 35])
