"""
Make the scene of test tasks and of the demonstration: a flamingo in a pond, in a small .blend that any Blender opens.

Usage: blender --background --factory-startup --python contrib/make_test_blend.py -- flamenco_mgr/scenes/test.blend

Blender 3.4, of Debian 12, has saved the file in this repository. Cycles renders it on the CPU, without a display.
"""

import gzip
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
from mathutils import Vector

Triple = tuple[float, float, float]

LARGEST = 200 * 1000
"""Bytes of the file."""

FRAMES = 24
FRAMES_PER_SECOND = 12
SIZE = (480, 270)
SAMPLES = 16

PINK = (0.95, 0.22, 0.30)
CORAL = (0.95, 0.36, 0.30)
PALE = (0.98, 0.72, 0.68)
BLACK = (0.02, 0.02, 0.02)
REED = (0.10, 0.30, 0.08)
WATER = (0.05, 0.16, 0.18)
DUSK = (0.55, 0.62, 0.80)
SUN = (1.0, 0.78, 0.55)


def material(name: str, colour: Triple, roughness: float = 0.5) -> Any:
    """Return a new material of one colour."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    shader.inputs["Roughness"].default_value = roughness
    return made


def finished(kind: str, covered_with: Any) -> Any:
    """Name the object that was just added, smooth it, and give it a material."""
    added = bpy.context.object
    added.name = kind
    added.data.materials.append(covered_with)
    for polygon in getattr(added.data, "polygons", ()):
        polygon.use_smooth = True
    return added


def ball(kind: str, covered_with: Any, place: Triple, size: Triple) -> Any:
    """Add an ellipsoid."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=24, ring_count=12, location=place)
    added = finished(kind, covered_with)
    added.scale = size
    return added


def tube(kind: str, covered_with: Any, points: Sequence[tuple[Triple, float]], radius: float) -> None:
    """Add a tube along a smooth line; each point is a place and how thick the tube is there."""
    curve = bpy.data.curves.new(kind, "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth = radius
    curve.bevel_resolution = 3
    curve.use_fill_caps = True
    line = curve.splines.new("BEZIER")
    line.bezier_points.add(len(points) - 1)
    for point, (place, thickness) in zip(line.bezier_points, points, strict=True):
        point.co = place
        point.radius = thickness
        point.handle_left_type = point.handle_right_type = "AUTO"
    added = bpy.data.objects.new(kind, curve)
    added.data.materials.append(covered_with)
    bpy.context.collection.objects.link(added)


def flamingo() -> None:
    """Build the bird: it stands on one leg, as it should."""
    pink, coral, pale, black = (
        material("Feathers", PINK, 0.6),
        material("Legs", CORAL, 0.4),
        material("Beak", PALE, 0.35),
        material("Tip", BLACK, 0.3),
    )
    body = ball("Body", pink, (0.0, 0.0, 1.75), (0.62, 0.36, 0.40))
    body.rotation_euler = (0.0, math.radians(12), 0.0)
    wing = ball("Wing", pink, (-0.10, -0.22, 1.80), (0.52, 0.20, 0.30))
    wing.rotation_euler = (0.0, math.radians(18), 0.0)
    tail = ball("Tail", pink, (-0.62, 0.0, 1.66), (0.26, 0.15, 0.12))
    tail.rotation_euler = (0.0, math.radians(-20), 0.0)
    neck = [(0.45, 0.0, 1.85), (0.88, 0.0, 2.05), (0.72, 0.0, 2.55), (0.55, 0.0, 2.95), (0.82, 0.0, 3.20)]
    thickness = [1.9, 1.3, 1.0, 0.95, 1.0]
    tube("Neck", pink, list(zip(neck, thickness, strict=True)), 0.10)
    ball("Head", pink, (0.90, 0.0, 3.18), (0.19, 0.14, 0.14))
    beak = [((1.02, 0.0, 3.17), 1.0), ((1.22, 0.0, 3.06), 0.85), ((1.26, 0.0, 2.94), 0.6)]
    tube("Beak", pale, beak, 0.085)
    tube("Tip of the beak", black, [((1.25, 0.0, 2.98), 1.0), ((1.24, 0.0, 2.86), 0.35)], 0.06)
    ball("Eye", black, (0.98, -0.115, 3.23), (0.025, 0.025, 0.025))
    tube("Leg", coral, [((0.0, -0.08, 1.45), 1.0), ((0.04, -0.08, 0.75), 1.0), ((0.0, -0.08, -0.1), 0.9)], 0.045)
    folded = [((0.0, 0.12, 1.45), 1.0), ((0.16, 0.12, 0.85), 1.0), ((-0.38, 0.12, 0.92), 0.8)]
    tube("Folded leg", coral, folded, 0.045)


def pond() -> None:
    """Add water to the horizon, a ripple around the leg, and some reeds."""
    water, reed = material("Water", WATER, 0.06), material("Reed", REED, 0.7)
    bpy.ops.mesh.primitive_circle_add(vertices=48, radius=40, fill_type="NGON")
    finished("Pond", water)
    for number, radius in enumerate((0.28, 0.5), start=1):
        bpy.ops.mesh.primitive_torus_add(
            major_segments=32, minor_segments=6, major_radius=radius, minor_radius=0.012, location=(0.0, -0.08, 0.0)
        )
        finished(f"Ripple {number}", water)
    for number in range(9):
        x, y = -2.6 + 0.28 * number + 0.11 * math.sin(5 * number), 1.5 + 0.5 * math.sin(3 * number)
        height, lean = 1.1 + 0.5 * math.sin(7 * number), 0.18 * math.cos(4 * number)
        blade = [((x, y, -0.1), 1.0), ((x + lean / 3, y, height / 2), 0.9), ((x + lean, y, height), 0.2)]
        tube(f"Reed {number + 1}", reed, blade, 0.03)


def lights() -> None:
    """Let there be a low sun and a sky."""
    world = bpy.data.worlds.new("Dusk")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (*DUSK, 1.0)
    bpy.context.scene.world = world
    bpy.ops.object.light_add(type="SUN", rotation=(math.radians(55), 0.0, math.radians(35)))
    sun = bpy.context.object
    sun.name = sun.data.name = "Sun"
    sun.data.energy = 3.5
    sun.data.color = SUN
    sun.data.angle = math.radians(2)


def camera() -> None:
    """Look at the bird while slowly going around it."""
    bpy.ops.object.empty_add(location=(0.15, 0.0, 1.75))
    middle = bpy.context.object
    middle.name = "Middle"
    bpy.ops.object.camera_add()
    added = bpy.context.object
    added.name = added.data.name = "Camera"
    added.data.lens = 42
    added.parent = middle
    added.location = (0.9, -7.0, 0.35)
    added.rotation_euler = (-Vector(added.location)).to_track_quat("-Z", "Y").to_euler()
    for frame, degrees in ((1, -14), (FRAMES, 14)):
        middle.rotation_euler = (0.0, 0.0, math.radians(degrees))
        middle.keyframe_insert("rotation_euler", frame=frame)
    bpy.context.scene.camera = added


def settings() -> None:
    """Set what a frame is rendered with."""
    scene = bpy.context.scene
    scene.name = "Flamingo"
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.fps = FRAMES_PER_SECOND
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 4
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = "//render/######"
    for part in ("date", "time", "render_time", "scene", "camera", "filename", "memory", "hostname", "lens"):
        setattr(scene.render, f"use_stamp_{part}", False)
    scene.render.use_stamp = scene.render.use_stamp_note = scene.render.use_stamp_frame = True
    scene.render.stamp_note_text = "Flamenco Manager"
    scene.render.stamp_font_size = 12


def save(path: Path) -> None:
    """
    Save what is there, compressed by gzip: Blender's own compression is not understood by those before 3.0.

    Raises SystemExit if it has become too large.
    """
    bpy.data.batch_remove([*bpy.data.texts, *bpy.data.brushes])
    bpy.ops.outliner.orphans_purge(do_recursive=True)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=False)
    # Blender notes where the file was, which is nobody's business elsewhere.
    here = str(path).encode()
    content = path.read_bytes().replace(here, bytes(len(here)))
    path.write_bytes(gzip.compress(content, 9, mtime=0))
    size = path.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{path} has {size} bytes, which is more than {LARGEST}")
    print(f"{path}: {size} bytes, {len(content)} unpacked, saved by Blender {bpy.app.version_string}")


def main(arguments: Sequence[str]) -> None:
    """Make the scene and save it where the argument behind ``--`` says."""
    if arguments.count("--") != 1 or arguments.index("--") != len(arguments) - 2:
        raise SystemExit(__doc__)
    path = Path(arguments[-1]).absolute()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    flamingo()
    pond()
    lights()
    camera()
    settings()
    save(path)


main(sys.argv)
