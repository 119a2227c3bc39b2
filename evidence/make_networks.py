"""Writes evidence/networks/*.onnx, the public graphs of the rows: `python -m evidence.make_networks`.

Weights are declared, not stored, so a file is some ten kilobytes; the same code writes the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from latencylab import zoo

FOLDER = Path(__file__).parent / "networks"

# File name -> zoo network. The super-resolution networks themselves are in the zoo under their own names.
NETWORKS = {
    "mobilenet_v1_025_224": "mobilenet_v1_025",
    "mobilenet_v1_224": "mobilenet_v1",
    "mobilenet_v2_224": "mobilenet_v2",
    "inception_v4_299": "inception_v4",
    "resnet50_224": "resnet50",
    "shufflenet_v2_224": "shufflenet_v2",
    "lenet_28": "lenet",
    "yolov5s_640x640": "yolov5s",
    "yolov5s_640x640_heads": "yolov5s?postprocess=false",
    "yolov5s_640x480": "yolov5s?height=480",
    "yolov5m_640x480": "yolov5m?height=480",
    "yolov8s_640x640": "yolov8s",
    "pure_convolution_64_128x128_5_132_132": "pure_convolution",
    "nv12_1080p_to_rgb_1080x1920": "nv12_1080p_to_rgb_1080x1920",
    "nv12_1080p_to_rgb_360x640": "nv12_1080p_to_rgb_360x640",
    "nv12_1080p_to_rgb_224x224": "nv12_1080p_to_rgb_224x224",
    "xcat_x3_reconstruction": "xcat_x3",
    "abpn_m4c28_twin_x3": "abpn_m4c28_twin_x3",
    "ecbsr_m4c16_twin_x3": "ecbsr_m4c16_twin_x3",
}


def write(folder: Path = FOLDER) -> None:
    """Write every network into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, network in NETWORKS.items():
        model = zoo.build(network, weights=False)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    write()
