// What the report draws with, and nothing more: esbuild leaves out the rest of the libraries.
export { Graph, layout as layoutGraph } from "@dagrejs/dagre";
export { BarChart, CustomChart, LineChart, ScatterChart } from "echarts/charts";
export {
  DataZoomInsideComponent,
  DataZoomSliderComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
} from "echarts/components";
export { getInstanceByDom, init, use } from "echarts/core";
export { LabelLayout } from "echarts/features";
export { CanvasRenderer } from "echarts/renderers";
