"""Classical machine learning (ai.onnx.ml): linear models, support vectors, trees, feature preparation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from latencylab.ops._counting import halvings, per_input, per_output, present
from latencylab.ops._registry import costs
from latencylab.work import ZERO, Work

if TYPE_CHECKING:
    from latencylab.graph import Node
    from latencylab.ops._registry import Inputs, Outputs

_ML: Final = "ai.onnx.ml"

costs("ArrayFeatureExtractor", "FeatureVectorizer", "OneHotEncoder", domain=_ML)(per_output(move=1))
# One look-up a value.
costs("LabelEncoder", "CategoryMapper", domain=_ML)(per_output(move=1))
costs("Binarizer", domain=_ML)(per_output(arithmetic=1))
# Compare with the value to replace, and select.
costs("Imputer", domain=_ML)(per_output(arithmetic=2))
# (x - offset) scale.
costs("Scaler", domain=_ML)(per_output(arithmetic=2))
# A norm of two operations an element, then a division.
costs("Normalizer", domain=_ML)(per_input(arithmetic=2, division=1))


def _rows(inputs: Inputs) -> tuple[int, int]:
    """Return (samples, features) of a matrix or of one sample."""
    shape = present(inputs, 0).shape
    return (1, shape[0]) if len(shape) == 1 else (shape[0], present(inputs, 0).elements // max(1, shape[0]))


@costs("LinearClassifier", "LinearRegressor", domain=_ML)
def linear(node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs: samples x coefficients; a softmax or logistic of the scores where one follows."""
    rows, features = _rows(inputs)
    coefficients = len(node.attributes["coefficients"])
    scores = rows * (coefficients // max(1, features))
    follows = node.attributes.get("post_transform", "NONE") != "NONE"
    transform = Work(arithmetic_ops=3, transcendental_ops=1, division_ops=1) if follows else ZERO
    return Work(macs=rows * coefficients) + transform * scores


@costs("SVMClassifier", "SVMRegressor", domain=_ML)
def support_vectors(node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """MACs: samples x (support vectors x features + coefficients); 1 transcendental a kernel value."""
    rows, features = _rows(inputs)
    vectors = len(node.attributes.get("support_vectors", ())) // max(1, features)
    coefficients = len(node.attributes["coefficients"])
    kernel_values = 0 if node.attributes.get("kernel_type", "LINEAR") == "LINEAR" else rows * vectors
    return Work(macs=rows * (vectors * features + coefficients), transcendental_ops=kernel_values)


@costs("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor", domain=_ML)
def trees(node: Node, inputs: Inputs, _outputs: Outputs) -> Work:
    """Comparisons: samples x trees x depth of a balanced tree; 1 sum a tree for its leaf."""
    rows, _ = _rows(inputs)
    nodes = len(node.attributes["nodes_featureids"])
    roots = node.attributes.get("tree_roots") or set(node.attributes.get("nodes_treeids", (0,)))
    count = max(1, len(roots))
    return Work(arithmetic_ops=rows * count * (halvings(nodes // count + 1) + 1))
