"""Training: examples are invented as they are needed; it can stop and go on at any time."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.bones.network import BoneNet
from training.bones.nothing import draw_nothing
from training.bones.real import RealJoints
from training.bones.sample import Example, draw_example
from training.bones.store import SceneStore
from training.bones.tissue import CLASSES, JOINTS

IGNORED = 255
"""Label of pixels that say nothing, as in images whose bones nobody named."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run learns, but for the hours it is given."""

    network: str = "limb"
    images: int = 300_000
    batch: int = 16
    rate: float = 2.5e-3
    seed: int = 1
    workers: int = 1
    shares: tuple[float, float, float, float, float] = (0.24, 0.40, 0.23, 0.07, 0.06)
    """Of hip, knee, ankle, real sacroiliac joints and no joint."""
    cleared_only: bool = False
    left_out: tuple[str, ...] = ()
    """Sacroiliac people who are not seen."""
    real_share: float = 1.0
    """Of a sacroiliac run: real images; the rest are invented hips, all bones as one."""


class Examples(torch.utils.data.IterableDataset[tuple[Tensor, Tensor, int]]):
    """An endless stream of examples."""

    def __init__(self, recipe: Recipe, store: Path, sacroiliac: Path | None, start: int) -> None:
        self.recipe, self.store, self.sacroiliac, self.start = recipe, store, sacroiliac, start

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        worker = torch.utils.data.get_worker_info()
        torch.set_num_threads(1)
        number = worker.id if worker else 0
        rng = np.random.default_rng([self.recipe.seed, self.start, number])
        scenes = SceneStore(self.store, cleared_only=self.recipe.cleared_only)
        real = None
        if self.sacroiliac:
            people = sorted(p.parent.name for p in self.sacroiliac.glob("*/bone.nii.gz"))
            real = RealJoints(self.sacroiliac, [p for p in people if p not in self.recipe.left_out])
        draw = self._limb if self.recipe.network == "limb" else self._sacroiliac
        while True:
            example = draw(rng, scenes, real)
            yield (
                torch.from_numpy(example.slices),
                torch.from_numpy(example.labels),
                example.joint,
            )

    def _limb(
        self, rng: np.random.Generator, scenes: SceneStore, real: RealJoints | None
    ) -> Example:
        what = JOINTS[rng.choice(len(JOINTS), p=self.recipe.shares)]
        if what == "other" or (what == "sacroiliac" and real is None):
            return draw_nothing(rng)
        if what == "sacroiliac":
            example = real.draw(rng)
            # Bone is drawn, but not which bone: background counts, bone does not.
            return Example(example.slices, np.where(example.labels, IGNORED, 0).astype(np.uint8),
                           example.joint)  # fmt: skip
        return draw_example(scenes.draw(what, rng), rng)

    def _sacroiliac(
        self, rng: np.random.Generator, scenes: SceneStore, real: RealJoints | None
    ) -> Example:
        if real is not None and rng.random() < self.recipe.real_share:
            return real.draw(rng)
        example = draw_example(scenes.draw("hip", rng), rng)
        return Example(example.slices, (example.labels > 0).astype(np.uint8), -1)


def loss_of(
    logits: Tensor, joint_logits: Tensor, labels: Tensor, joints: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy and soft Dice of the bones, over all parts of a slice, and of the joint.

    labels : (N, P, H, W) uint8; joints : (N,), -1 where unknown
    """
    log_p = functional.log_softmax(logits.float(), 1)
    known = (labels != IGNORED).float()
    target = torch.zeros_like(log_p)
    ones = known / labels.shape[1]
    safe = torch.where(labels == IGNORED, 0, labels).long()
    target.scatter_add_(1, safe, ones)
    entropy = -(target * log_p).sum(1).mean()
    seen = known.mean(1, keepdim=True)
    p = log_p.exp() * seen
    both, total = (p * target).sum((0, 2, 3)), (p + target).sum((0, 2, 3))
    dice = (2 * both + 60) / (total + 60)
    loss = entropy + 0.5 * (1 - dice[1:].mean())
    parts = {"entropy": entropy.item(), "dice": dice[1:].mean().item()}
    if (joints >= 0).any():
        named = functional.cross_entropy(joint_logits.float(), joints, ignore_index=-1)
        loss = loss + 0.1 * named
        parts["joint"] = named.item()
    return loss, parts


def _smoothed(target: BoneNet, source: BoneNet, keep: float) -> None:
    """Exponential moving average of the weights."""
    with torch.no_grad():
        for mine, new in zip(
            target.state_dict().values(), source.state_dict().values(), strict=True
        ):
            if mine.dtype.is_floating_point:
                mine.mul_(keep).add_(new, alpha=1 - keep)
            else:
                mine.copy_(new)


def rate_at(done: float) -> float:
    """Share of the full learning rate when ``done`` (0..1) of the images were seen."""
    return 0.5 * (1 + float(np.cos(np.pi * max(0.0, (done - 0.1) / 0.9)))) + 0.002


def train(
    recipe: Recipe, store: Path, run: Path, *, sacroiliac: Path | None = None,
    begin: Path | None = None, threads: int = 1, minutes: float | None = None,
) -> Path:  # fmt: skip
    """Train until ``recipe.images`` were seen, or for some minutes at a rate that ends with them.

    run : folder for ``weights.pt``, ``recipe.json`` and ``log.jsonl``; a run that is there goes on
    begin : weights of another run to begin from (layers of another size are left as drawn)
    Returns the file of the weights.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classes = len(CLASSES) if recipe.network == "limb" else 2
    net = BoneNet(classes, len(JOINTS))
    if begin:
        old = torch.load(begin, weights_only=True)["smooth"]
        mine = net.state_dict()
        net.load_state_dict({k: old[k] if k in old and old[k].shape == v.shape else v
                             for k, v in mine.items()})  # fmt: skip
    net = net.to(device, memory_format=torch.channels_last)
    smooth = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=1e-3)
    run.mkdir(parents=True, exist_ok=True)
    file = run / "weights.pt"
    seen, spent = 0, 0.0
    if file.exists():
        state = torch.load(file, weights_only=True, map_location=device)
        net.load_state_dict(state["net"])
        smooth.load_state_dict(state["smooth"])
        optimizer.load_state_dict(state["optimizer"])
        seen, spent = state["images"], state["seconds"]
    (run / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1) + "\n")
    stream = torch.utils.data.DataLoader(
        Examples(recipe, store, sacroiliac, seen), batch_size=recipe.batch,
        num_workers=recipe.workers, prefetch_factor=8,
    )  # fmt: skip
    started, told, parts = time.monotonic(), time.monotonic(), []
    done = seen / recipe.images
    for slices, labels, joints in stream:
        if done >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * rate_at(done) * min(1, (seen / recipe.batch + 1) / 100)
        x = slices.float().to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            logits, joint_logits = net(x)
        loss, one = loss_of(logits, joint_logits, labels.to(device), joints.to(device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        seen += len(slices)
        parts.append(one)
        step = seen / recipe.batch
        _smoothed(smooth, net, min(0.998, step / (step + 20)))
        now = time.monotonic()
        done = seen / recipe.images
        if minutes:
            done = max(done, (now - started + spent) / 60 / minutes)
        if now - told > 60 or done >= 1:
            told = now
            seconds = spent + now - started
            mean = {k: round(float(np.mean([p[k] for p in parts if k in p] or [np.nan])), 4)
                    for k in ("entropy", "dice", "joint")}  # fmt: skip
            parts = []
            line = {"images": seen, "seconds": round(seconds), "done": round(done, 4), **mean}
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
            _save(file, net, smooth, optimizer, seen, seconds)
    return file


def _save(
    file: Path, net: BoneNet, smooth: BoneNet, optimizer: torch.optim.Optimizer, seen: int,
    seconds: float,
) -> None:  # fmt: skip
    state = {"net": net.state_dict(), "smooth": smooth.state_dict(), "images": seen,
             "optimizer": optimizer.state_dict(), "seconds": seconds}  # fmt: skip
    torch.save(state, file.with_suffix(".tmp"))
    file.with_suffix(".tmp").replace(file)
