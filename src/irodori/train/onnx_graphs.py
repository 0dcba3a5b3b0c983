"""Edits of exported ONNX graphs: padding that convolutions do themselves, weights stored in half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
SMALLEST_HALF = 256
"""Weights with fewer values than this stay in single precision."""


def _constant(graph: onnx.GraphProto, name: str) -> np.ndarray | None:
    """The value of a tensor that depends on no input of the graph, else None."""
    from onnx.reference import ReferenceEvaluator

    makers = {output: node for node in graph.node for output in node.output}
    given = {tensor.name: tensor for tensor in graph.initializer}
    needed: list[Any] = []
    waiting, seen = [name], {""}
    while waiting:
        tensor = waiting.pop()
        if tensor in seen or tensor in given:
            continue
        seen.add(tensor)
        if tensor not in makers:
            return None
        needed.append(makers[tensor])
        waiting.extend(makers[tensor].input)
    ordered = [node for node in graph.node if any(node is other for other in needed)]
    output = helper.make_value_info(name, onnx.TypeProto())
    part = helper.make_graph(ordered, "constant", [], [output], [given[key] for key in given])
    model = helper.make_model(part, opset_imports=[helper.make_opsetid("", OPSET)])
    values: Any = ReferenceEvaluator(model).run(None, {})
    return np.asarray(values[0])


def fold_pads(path: Path) -> None:
    """Give zero padding that stands before a convolution to the convolution itself, which does it without a copy."""
    model = onnx.load(str(path))
    graph = model.graph
    final = {output.name for output in graph.output}
    for pad in [node for node in graph.node if node.op_type == "Pad" and node.output[0] not in final]:
        users = [node for node in graph.node if pad.output[0] in node.input]
        pads = _constant(graph, pad.input[1])
        fill = _constant(graph, pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
        mode = next((a.s for a in pad.attribute if a.name == "mode"), b"constant")
        if pads is None or fill is None or fill.any() or mode != b"constant" or any(u.op_type != "Conv" for u in users):
            continue
        half = len(pads) // 2
        if pads[:2].any() or pads[half : half + 2].any():
            continue
        for user in users:
            own = next((a for a in user.attribute if a.name == "pads"), None)
            edges = [*pads[2:half], *pads[half + 2 :]]
            if own is not None:
                edges = [edge + more for edge, more in zip(edges, own.ints, strict=True)]
                user.attribute.remove(own)
            user.attribute.append(helper.make_attribute("pads", [int(edge) for edge in edges]))
            user.input[0] = pad.input[0]
        graph.node.remove(pad)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def store_half(path: Path) -> None:
    """Keep a graph's larger weights as float16, cast back to float32 when the runtime loads them."""
    model = onnx.load(str(path))
    graph = model.graph
    casts = []
    for initializer in list(graph.initializer):
        if initializer.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(initializer)
        if values.size < SMALLEST_HALF or not np.isfinite(values.astype(np.float16)).all():
            continue
        name = initializer.name
        graph.initializer.remove(initializer)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
