"""Look at a network while it trains: the evaluation protocol on a few pictures, and a sheet of results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from irodori.color import lab
from irodori.evaluate.pictures import PictureSet
from irodori.evaluate.protocol import SIGGRAPH17, hinted, psnr_curve
from irodori.model import contract
from irodori.train import checkpoint
from irodori.train.settings import Settings

COUNTS = (0, 1, 5, 10, 20, 50, 100, 501)
SHEET_PICTURES = 12
SHEET_COUNTS = (0, 1, 5, 20)


@dataclass(frozen=True)
class NetworkPrediction:
    """``ab`` (h, w, 2) float32 and ``bins`` (h/4, w/4, 313) of a torch network."""

    ab: np.ndarray
    logits: np.ndarray

    @property
    def bins(self) -> np.ndarray:
        return contract.unpack_bins(self.logits)


class NetworkPredictor:
    """A torch network with the evaluation's ``predict_planes``."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network: Any = network.to(device).eval()
        self.device = device

    @classmethod
    def of(cls, settings: Settings, weights: dict[str, Tensor], device: torch.device) -> NetworkPredictor:
        """A copy of the settings' network with these weights."""
        network = checkpoint.build_network(settings)
        network.load_state_dict(weights)
        return cls(network, device)

    @torch.no_grad()
    def predict_planes(
        self, lightness: np.ndarray, hint_ab: np.ndarray, hint_mask: np.ndarray, reference: np.ndarray | None = None
    ) -> NetworkPrediction:
        """``(h, w)`` L*, ``(h, w, 2)`` ab, ``(h, w)`` mask and perhaps ``(316,)`` -> the network's prediction."""
        packed = {**contract.pack_lightness(lightness), **contract.pack(hint_ab, hint_mask, reference)}
        tensors = {
            name: torch.from_numpy(np.ascontiguousarray(array)).to(self.device) for name, array in packed.items()
        }
        light = tensors["lightness"]
        features = self.network.prepare(light)
        ab, logits = self.network.answer(
            light, features, tensors["hint_ab"], tensors["hint_mask"], tensors["reference"]
        )
        return NetworkPrediction(contract.unpack_ab(ab.float().cpu().numpy()), logits.float().cpu().numpy())


def validate(
    predictor: NetworkPredictor, data: list[Path], settings: Settings, run: Path, step: int
) -> dict[str, float]:
    """Gain over grey in dB by hint count and the chroma ratio without hints; writes a sheet into the run's folder."""
    pictures = PictureSet(data, SIGGRAPH17.size, settings.validate_pictures)
    curve = psnr_curve(predictor, pictures, COUNTS, seed=0)
    figures = {f"gain_{count}": round(curve.mean_gain(count), 3) for count in COUNTS}
    at = curve.at(0)
    figures["chroma_0"] = round(float(curve.chroma[:, at].mean() / curve.true_chroma.mean()), 3)
    write_sheet(predictor, pictures, run / f"sheet_{step:07d}.png")
    return figures


def write_sheet(predictor: NetworkPredictor, pictures: PictureSet, path: Path) -> None:
    """Rows of pictures: the result at 0, 1, 5 and 20 hints, then the truth."""
    from PIL import Image

    rows = []
    for picture in list(pictures)[:SHEET_PICTURES]:
        patches = SIGGRAPH17.patches(0, picture.index)
        row = []
        for question in hinted(picture, patches, SHEET_COUNTS):
            ab = predictor.predict_planes(picture.lightness, question.hint_ab, question.mask).ab
            row.append(lab.to_rgb(np.concatenate([picture.lightness[..., None], ab], 2)))
        rows.append(np.concatenate([*row, picture.rgb], 1))
    half = len(rows) // 2
    sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half : 2 * half])], 1)
    Image.fromarray(sheet).save(path)
