"""How a flat panel turns before a camera: roll, yaw, pitch and distance to a 3 x 3 homography."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plate_press.chance import between, often


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees, distance in widths of the plate."""

    roll: float
    yaw: float
    pitch: float
    distance: float


def turn(rng: np.random.Generator, harshness: float) -> Pose:
    """A pose: mostly nearly frontal, with tails to 15 degrees of roll, 50 of yaw and 35 of pitch."""
    wide = often(rng, 0.16)
    yaw = between(rng, -50, 50) if wide else float(np.clip(rng.normal(0, 14), -45, 45))
    roll = between(rng, -15, 15) if often(rng, 0.15) else float(np.clip(rng.normal(0, 3.5), -12, 12))
    pitch = float(np.clip(rng.normal(4, 10), -25, 35))
    return Pose(roll * harshness, yaw * harshness, pitch * harshness, between(rng, 3, 25))


def homography(pose: Pose, centre: tuple[float, float], width: float) -> NDArray[np.float64]:
    """Panel pixels to the camera's plane, where the plate is about 1 wide and the centre at 0, 0."""
    roll, yaw, pitch = np.radians([pose.roll, pose.yaw, pose.pitch])
    cr, sr, cy, sy, cp, sp = np.cos(roll), np.sin(roll), np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turned = (
        np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    )
    flat = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, width]]) / width
    lens = np.array([[turned[0, 0], turned[0, 1], 0], [turned[1, 0], turned[1, 1], 0], [0, 0, 0]])
    lens[2] = [turned[2, 0] / pose.distance, turned[2, 1] / pose.distance, 1]
    return np.asarray(lens @ flat)


def project(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 2) through a homography."""
    out = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(out[:, :2] / out[:, 2:])
