"""``python -m training.bones``: scenes, train, export and frozen, one command each."""

from __future__ import annotations

import argparse
from pathlib import Path


def main() -> None:
    """Parse the command line and run one step."""
    parser = argparse.ArgumentParser(prog="training.bones", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    scenes = steps.add_parser("scenes", help="invent limbs around the real bones")
    scenes.add_argument("--anatomy", type=Path, required=True)
    scenes.add_argument("--variants", type=int, default=4)
    train = steps.add_parser("train", help="train a network; a run that exists goes on")
    train.add_argument("--run", type=Path, required=True, help="folder of the run")
    train.add_argument("--network", choices=("limb", "sacroiliac"), default="limb")
    train.add_argument("--sacroiliac", type=Path, help="folder of real sacroiliac joints")
    train.add_argument("--leave-out", default="", help="sacroiliac people not seen: 1003,2014")
    train.add_argument("--begin", type=Path, help="weights.pt of another run")
    train.add_argument("--images", type=int, default=300_000)
    train.add_argument("--minutes", type=float, help="end after this time instead")
    train.add_argument("--rate", type=float, default=2.5e-3)
    train.add_argument("--threads", type=int, default=1)
    train.add_argument("--workers", type=int, default=1)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--cleared-only", action="store_true",
                       help="only on maps whose licence lets the weights be passed on")  # fmt: skip
    export = steps.add_parser("export", help="write the ONNX file of a run")
    export.add_argument("--run", type=Path, required=True)
    export.add_argument("--out", type=Path, required=True, help="limb.onnx or sacroiliac.onnx")
    frozen = steps.add_parser("frozen", help="write the stacks of the frozen test set")
    frozen.add_argument("--anatomy", type=Path, required=True)
    frozen.add_argument("--out", type=Path, required=True, help="folder for the stacks")
    for one in (scenes, train):
        one.add_argument("--store", type=Path, required=True, help="folder of the scenes")
    args = parser.parse_args()
    if args.step == "scenes":
        from training.bones.store import build_scenes

        print(build_scenes(args.anatomy, args.store, variants=args.variants), "scenes")
    elif args.step == "export":
        from training.bones.export import export as write

        print(f"{args.out}: SHA-256 {write(args.run / 'weights.pt', args.out)}")
    elif args.step == "frozen":
        from training.bones.frozen import write_frozen

        print(write_frozen(args.anatomy, args.out), "stacks")
    else:
        from training.bones.train import Recipe
        from training.bones.train import train as run_training

        recipe = Recipe(network=args.network, images=args.images, rate=args.rate, seed=args.seed,
                        workers=args.workers, cleared_only=args.cleared_only,
                        left_out=tuple(filter(None, args.leave_out.split(","))),
                        real_share=1.0 if args.network == "limb" else 0.95)  # fmt: skip
        run_training(recipe, args.store, args.run, sacroiliac=args.sacroiliac, begin=args.begin,
                     threads=args.threads, minutes=args.minutes)  # fmt: skip


if __name__ == "__main__":
    main()
