from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from irodori.errors import PhotoError
from irodori.evaluate.pictures import PictureSet, squashed


def test_a_tar_and_its_folder_are_the_same_set(folder: Path, tar: Path) -> None:
    from_folder, from_tar = PictureSet([folder], 64), PictureSet([tar], 64)
    assert from_folder.names == from_tar.names
    assert len(from_tar) == 4
    assert from_folder.digest() == from_tar.digest()
    for one, other in zip(from_folder, from_tar, strict=True):
        assert one.index == other.index
        assert one.rgb.shape == (64, 64, 3)
        assert np.array_equal(one.rgb, other.rgb)


def test_a_limit_keeps_index_and_order(folder: Path) -> None:
    whole, part = PictureSet([folder], 32), PictureSet([folder], 32, limit=2)
    assert part.names == whole.names[:2]
    assert part.available == 4
    assert [picture.index for picture in part] == [0, 1]
    assert part.picture(3).name == whole.names[3]
    assert part.digest() != whole.digest()
    assert [picture.name for picture in part[0:2]] == list(part.names)
    with pytest.raises(IndexError):
        part[2]


def test_own_size_is_kept_when_asked(folder: Path) -> None:
    sizes = {picture.name: picture.rgb.shape for picture in PictureSet([folder], None)}
    assert sizes["astronaut.png"] == (192, 192, 3)
    assert sizes["coffee.png"] == (128, 192, 3)


def test_resizing_is_bilinear_and_antialiased() -> None:
    checks = np.indices((256, 256)).sum(axis=0) % 2 * 255
    small = squashed(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), 64, 64)
    assert np.abs(small.astype(int) - 127).max() <= 4  # without antialiasing these would be 0 or 255


def test_avif_orientation_profile_and_alpha(tmp_path: Path) -> None:
    half = np.zeros((40, 60, 3), np.uint8)
    half[:, :30] = [200, 40, 40]
    Image.fromarray(half).save(tmp_path / "picture.avif", quality=95)
    turned = Image.fromarray(half)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be shown turned clockwise by 90 degrees
    turned.save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(half).convert("RGBA").save(tmp_path / "alpha.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(half).save(tmp_path / "profile.png", icc_profile=profile)
    pictures = {picture.name: picture.rgb for picture in PictureSet([tmp_path], None)}
    assert pictures["picture.avif"].shape == (40, 60, 3)
    assert abs(int(pictures["picture.avif"][20, 10, 0]) - 200) < 12
    assert pictures["turned.png"].shape == (60, 40, 3)
    assert pictures["turned.png"][5, 20].tolist() == [200, 40, 40]
    assert np.array_equal(pictures["alpha.png"], half)
    assert np.abs(pictures["profile.png"].astype(int) - half).max() <= 1


def test_files_that_are_no_pictures_are_passed_over(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "set")
    (tmp_path / "set" / "notes.txt").write_text("not a picture")
    (tmp_path / "set" / "._astronaut.png").write_bytes(b"left by another system")
    assert len(PictureSet([tmp_path / "set"], 32)) == 4


def test_a_broken_picture_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes((folder / "coffee.png").read_bytes()[:500])
    with pytest.raises(PhotoError, match=r"broken\.png: expected a picture"):
        PictureSet([tmp_path], 32)[0]
    (tmp_path / "broken.png").write_bytes(b"words")
    with pytest.raises(PhotoError, match=r"^broken\.png: not a picture, or one of an unknown format$"):
        PictureSet([tmp_path], 32)[0]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="found nothing there"):
        PictureSet([tmp_path / "missing"], 32)
    with pytest.raises(PhotoError, match="found none"):
        PictureSet([tmp_path], 32)
    (tmp_path / "set.tar").write_bytes(b"this is no tar")
    with pytest.raises(PhotoError, match=r"cannot be read \(not a tar, or damaged\)$"):
        PictureSet([tmp_path / "set.tar"], 32)


def test_members_in_folders_of_a_compressed_tar(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        content = (folder / "coffee.png").read_bytes()
        member = tarfile.TarInfo("deep/down/coffee.png")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    (picture,) = PictureSet([path], 32)
    assert picture.name == "deep/down/coffee.png"
