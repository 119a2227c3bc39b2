"""Models written in onnx's own text form, for the reader's tests."""

from __future__ import annotations

from onnx import ModelProto, parser


def model(text: str, *, opset: int = 17, imports: str = "") -> ModelProto:
    """Parse `name (inputs) => (outputs) { nodes }`, functions behind it included."""
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}{imports}]>\n{text}')
