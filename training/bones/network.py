"""The network: a small U-Net on three neighbouring slices, with a head that names the joint."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (32, 64, 128, 192)


def _block(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n in (inputs, outputs):
        layers += [nn.Conv2d(n, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
        layers.append(nn.ReLU(True))
    return nn.Sequential(*layers)


class BoneNet(nn.Module):
    """(N, 3, H, W) slices to (N, classes, H, W) logits and (N, joints) logits.

    H and W are multiples of 16. Pixels are folded two by two into channels at the entrance and
    unfolded at the exit: most of the work is done at half resolution, at four times the speed.
    """

    def __init__(self, classes: int, joints: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.classes, self.joints, self.widths = classes, joints, widths
        inputs = [12, *widths[:-1]]
        self.down = nn.ModuleList(_block(i, o) for i, o in zip(inputs, widths, strict=True))
        steps = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(_block(i + o, o) for i, o in steps)
        self.bones = nn.Conv2d(widths[0], classes * 4, 1)
        self.joint = nn.Sequential(
            nn.Linear(2 * widths[-1], 64), nn.ReLU(True), nn.Linear(64, joints)
        )

    def forward(self, slices: Tensor) -> tuple[Tensor, Tensor]:
        x = functional.pixel_unshuffle(slices, 2)
        kept = []
        for n, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if n else x)
            kept.append(x)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        for n, block in enumerate(self.up):
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = block(torch.cat([x, kept[-2 - n]], 1))
        return functional.pixel_shuffle(self.bones(x), 2), self.joint(pooled)
