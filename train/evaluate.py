"""`ballgan-train evaluate`: how good a model is, on one page."""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ballgan.cli.crew import Crew, find_crew
from ballgan.cli.progress import ProgressBar

from .domains import DOMAIN_NAMES

if TYPE_CHECKING:
    import torch

    from ballgan.generator import Generator

    from .batches import Measurement, Plan
    from .evaluation import Results
    from .fakes import Sampler
    from .judge import Judge, JudgeInfo
    from .reals import Reals

JUDGE_KIMG = 48.0
EPILOG = (
    "With toyworld's pictures a judge, a small network that knows their masks, depths and cameras "
    "(and how deep rooms are), looks at the model's; it is trained at first use, in minutes, and "
    "kept. FID and KID by the standard protocol need --inception, --count 50000 and the training "
    "data. What is measured is kept batch by batch in OUTPUT.parts until all is there, and the "
    "same command goes on with it. Many GPUs or machines: torchrun --nproc-per-node 8 "
    "--max-restarts 3 -m ballgan_train evaluate ..., or the environment's RANK and WORLD_SIZE "
    "(job arrays); the results are the same."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = EPILOG
    parser.add_argument("model", metavar="MODEL", help="model file, of any format that we read")
    parser.add_argument(
        "--data",
        required=True,
        help="toyworld:heads, :cars or :rooms (new pictures), or a dataset in EG3D's format",
    )
    parser.add_argument(
        "--output", metavar="DIR", default="evaluation", help="folder of the report (%(default)s)"
    )
    parser.add_argument(
        "--count", type=int, help="pictures of each kind (default: 1000; --quick: 48)"
    )
    parser.add_argument(
        "--real-count",
        type=int,
        help="real pictures (default: as many; with --inception, all of a dataset)",
    )
    parser.add_argument(
        "--pairs", type=int, help="pairs for separation and views (default: 200; --quick: 16)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of codes and cameras (%(default)s)")
    parser.add_argument(
        "--truncation", type=float, default=1.0, metavar="PSI", help="default: %(default)s"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: auto)")
    parser.add_argument("--quick", action="store_true", help="a first look, in a minute or two")
    _add_networks(parser)
    parser.add_argument(
        "--resolution",
        type=int,
        metavar="PX",
        help="side of the volume-rendered picture (default: the model's; --quick: at most 64)",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="measure again what an interrupted command with other settings has kept",
    )


def _add_networks(parser: argparse.ArgumentParser) -> None:
    """Add the options of the networks that look at the pictures."""
    parser.add_argument(
        "--domain",
        choices=DOMAIN_NAMES,
        help="the dataset is of this domain of toyworld",
    )
    parser.add_argument(
        "--judge", metavar="FILE", help="use this judge; if there is no such file, train it there"
    )
    parser.add_argument(
        "--judge-kimg",
        type=float,
        metavar="K",
        help=f"train the judge on so many thousand pictures (default: {JUDGE_KIMG:g}; --quick: 4)",
    )
    parser.add_argument(
        "--judge-size", type=int, metavar="PX", help="default: the pictures', at most 128"
    )
    parser.add_argument("--no-judge", action="store_true", help="measure without a judge")
    parser.add_argument(
        "--inception",
        metavar="FILE",
        help="the FID Inception network as TorchScript, for FID and KID; nothing is downloaded",
    )


def run(args: argparse.Namespace) -> int:
    """Measure, write the report and say what it holds."""
    import ballgan

    from .batches import Measurement
    from .fakes import Sampler
    from .inception import Inception
    from .report import check_output

    crew, plan, output = find_crew(), _make_plan(args), Path(args.output)
    check_output(output)
    device = crew.choose_device(args.device)
    inception = Inception(args.inception, device) if args.inception else None
    model = ballgan.load(args.model, device)
    sampler = Sampler(
        model,
        truncation_psi=args.truncation,
        seed=args.seed,
        resolution=_choose_resolution(args, model),
    )
    reals = _open_reals(args, sampler)
    size = _common_size(sampler, reals)
    parts = output.with_name(f"{output.name}.parts")
    judge, judged_by = _get_judge(args, size, reals.domain, device, parts, crew)
    plan = replace(plan, size=judge.info.size if judge else size)
    measurement = Measurement(sampler, reals, plan, judge, inception)
    results = _measure(args, measurement, judged_by, parts, crew)
    if results is not None:
        protocol = _describe(args, sampler, reals, plan)
        _write(output, sampler, reals, protocol, results, judge)
        shutil.rmtree(parts, ignore_errors=True)
    return 0


def _measure(
    args: argparse.Namespace, measurement: Measurement, judged_by: str, parts: Path, crew: Crew
) -> Results | None:
    """Measure this process's share into the folder `parts`; all results once all are there."""
    from safetensors.torch import load, save

    from ballgan.cli.work import Piece, Work
    from ballgan.files import atomic_write

    from .evaluation import summarize

    batches, origin = measurement.batches, _describe_origin(args, measurement, judged_by)
    pieces = [
        Piece(batch.name, {**origin, "numbers": [batch.numbers.start, batch.numbers.stop]})
        for batch in batches
    ]
    work = Work(parts, pieces, crew, overwrite=args.overwrite)

    def make(index: int, progress: object) -> None:
        with atomic_write(parts / batches[index].name) as file:
            file.write(save(measurement.measure(batches[index])))

    with ProgressBar("measuring", shown=crew.is_first) as bar:
        complete = work.run(make, bar)
    if not complete:
        _say(work.describe_share())
        return None
    try:
        return summarize(measurement, lambda batch: load((parts / batch.name).read_bytes()))
    except FileNotFoundError:
        if parts.exists():
            raise
        _say(work.describe_share())  # another has just finished
        return None


def _describe_origin(
    args: argparse.Namespace, measurement: Measurement, judged_by: str
) -> dict[str, Any]:
    """All that decides what is measured."""
    from ballgan.model_files import hash_file
    from ballgan.plain import to_plain

    from .archive import data_version

    return {
        "model": hash_file(args.model),
        "data": [args.data, data_version(args.data)],
        "domain": measurement.reals.domain,
        "seed": args.seed,
        "truncation": args.truncation,
        "resolution": measurement.sampler.resolution,
        "judge": judged_by,
        "inception": hash_file(args.inception) if args.inception else "",
        **to_plain(measurement.plan),
    }


def _make_plan(args: argparse.Namespace) -> Plan:
    from .batches import Plan
    from .source import TOYWORLD_PREFIX

    count = args.count if args.count is not None else 48 if args.quick else 1000
    pairs = args.pairs if args.pairs is not None else min(count, 16 if args.quick else 200)
    if count < 1 or not 1 <= pairs <= count:
        raise ValueError(
            f"--count should be 1 or more and --pairs in 1 to count; got {count} and {pairs}."
        )
    if not 0 <= args.seed < 2**31:
        raise ValueError(f"--seed should be in [0, 2^31); got {args.seed}.")
    if args.real_count is not None and args.real_count < 1:
        raise ValueError(f"--real-count should be 1 or more; got {args.real_count}.")
    real_count = args.real_count
    if real_count is None and args.inception and not args.data.startswith(TOYWORLD_PREFIX):
        real_count = sys.maxsize
    return Plan(count=count, real_count=real_count, pairs=pairs)


def _choose_resolution(args: argparse.Namespace, model: Generator) -> int:
    own = model.config.neural_resolution
    if args.resolution is None:
        return min(own, 64) if args.quick else own
    if not 16 <= args.resolution <= 1024:
        raise ValueError(f"--resolution should be in 16 to 1024; got {args.resolution}.")
    return args.resolution


def _open_reals(args: argparse.Namespace, sampler: Sampler) -> Reals:
    from .reals import open_reals

    # Inception looks at pictures as large as the model's; large ones are slow to render.
    largest = sampler.picture_size if args.inception else 128
    size = max(16, min(sampler.picture_size, largest) // 8 * 8)
    return open_reals(args.data, model=sampler.model, size=size, domain=args.domain, seed=args.seed)


def _common_size(sampler: Sampler, reals: Reals) -> int:
    """Side at which pictures are compared: a power of two that neither has to be enlarged to."""
    from .judge import SIZES

    smaller = min(sampler.picture_size, reals.resolution, 128)
    return max((size for size in SIZES if size <= smaller), default=SIZES[0])


def _get_judge(
    args: argparse.Namespace,
    size: int,
    domain: str | None,
    device: torch.device,
    parts: Path,
    crew: Crew,
) -> tuple[Judge | None, str]:
    """The judge, and the checksum of its file; None where there is nothing that it knows.

    It is the one given, or that which the first process has kept or trains now, while the others
    wait for it; if it dies, one of them trains it.
    """
    from ballgan.cli.work import Piece, Work
    from ballgan.model_files import hash_file
    from ballgan.plain import to_plain

    from .judge import JudgeInfo, load_judge, save_judge

    if args.no_judge:
        return None, ""
    if args.judge and Path(args.judge).exists():
        judge = load_judge(args.judge, device)
        if domain not in (None, judge.info.domain):
            raise ValueError(f"{args.judge} judges {judge.info.domain}, not {domain}.")
        return judge, hash_file(args.judge)
    if domain is None:
        if args.judge:
            raise ValueError(f"{args.judge} does not exist; --domain says what to train it for.")
        return None, ""
    kimg = args.judge_kimg if args.judge_kimg is not None else 4.0 if args.quick else JUDGE_KIMG
    if kimg <= 0:
        raise ValueError(f"--judge-kimg should be above 0; got {kimg:g}.")
    info = JudgeInfo(domain, args.judge_size or size, float(kimg))
    shared = parts / "judge.pt"

    def make(index: int, progress: object) -> None:
        save_judge(_keep_judge(args, info, device), shared)

    work = Work(parts, [Piece(shared.name, to_plain(info))], crew, overwrite=True)
    work.finish(make, lambda fraction: None)
    return load_judge(shared, device), hash_file(shared)


def _keep_judge(args: argparse.Namespace, info: JudgeInfo, device: torch.device) -> Judge:
    """The judge that is kept from before, or one that is trained now and kept."""
    from .judge import cache_path, load_judge

    path = Path(args.judge) if args.judge else cache_path(info.domain, info.size)
    kept = None
    if path.exists():
        try:
            kept = load_judge(path, device)
        except ValueError as error:
            _say(f"training again: {error}")
    if kept is not None and kept.info.kimg >= info.kimg:
        return kept
    return _train(info, path, device)


def _train(info: JudgeInfo, path: Path, device: torch.device) -> Judge:
    from .judge import save_judge
    from .judge_training import train_judge

    _say(f"training a judge of {info.domain} at {info.size} pixels, {info.kimg:g} kimg: {path}")
    with ProgressBar("training the judge") as progress:
        judge = train_judge(info, device=device, progress=progress)
    save_judge(judge, path)
    return judge


def _describe(
    args: argparse.Namespace, sampler: Sampler, reals: Reals, plan: Plan
) -> dict[str, str]:
    """What was measured how; the standard protocol's deviations are named."""
    model, config = sampler.model, sampler.model.config
    condition = "the camera that renders" if config.mapping.label_dim else "nothing"
    protocol = {
        "model": f"{Path(args.model).name}, {config.image_resolution} pixels, rendered at "
        f"{sampler.resolution}, {model.meta.get('kind', 'model')}",
        "data": args.data,
        "pictures": f"{plan.count} generated (seeds {args.seed} and up, truncation psi "
        f"{args.truncation:g}), {reals.limit(plan.count)} real, compared at {plan.size} pixels",
        "protocol": f"{reals.protocol}; the mapping network is conditioned on {condition}",
        "pairs": f"{plan.pairs}; views differ by {plan.view_angle:g} radians of yaw, towards the "
        "front",
    }
    if args.inception:
        protocol["FID"] = (
            f"{Path(args.inception).name}; {plan.count} generated against "
            f"{reals.limit(plan.count)} real; the standard protocol is 50000 against all real"
        )
    return protocol


def _write(
    folder: Path,
    sampler: Sampler,
    reals: Reals,
    protocol: dict[str, str],
    results: Results,
    judge: Judge | None,
) -> None:
    from . import report

    page = report.format_report(
        f"Evaluation of {protocol['model']}", protocol, results, report.describe_judge(judge)
    )
    pictures = {
        report.PLOTS: report.draw_plots(results),
        report.SAMPLES: report.draw_samples(sampler, reals.cameras(report.SHOWN), judge),
    }
    report.write_report(folder, page, report.as_json(protocol, results, judge), pictures)
    for rows in report.ROWS.values():
        for row in rows:
            if row.name in results.values:
                _say(f"{row.title:<60} {report.format_value(results.values[row.name])}")
    missing = f" (left out: {', '.join(results.left_out)})" if results.left_out else ""
    _say(f"{folder / report.REPORT}{missing}")


def _say(text: str) -> None:
    if not text:
        return
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
