import { BarChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { CONTENDERS, type ContenderName } from "../child/protocol.js";
import type { ScenarioResult } from "../run/results.js";
import { formatMetric, metricTitle } from "./format.js";
import { CONTENDER_TITLES } from "./table.js";

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 860;
const BAR_HEIGHT = 17;
const FRAME_HEIGHT = 130;
const COLOURS: Readonly<Record<ContenderName, string>> = { headwater: "#0072b2", peer: "#d55e00", download: "#999999", local: "#009e73" };

/** The medians of a scenario's headline as bars, on a logarithmic scale, as one SVG. */
export function scenarioChart(result: ScenarioResult): string {
  const { cases, headline } = result;
  const shown = CONTENDERS.filter((name) => cases.some((case_) => case_.contenders[name]?.metrics[headline] !== undefined));
  const bars = cases.length * shown.length;
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: FRAME_HEIGHT + bars * BAR_HEIGHT + cases.length * BAR_HEIGHT,
  });
  const subtext = `${metricTitle(headline)}, median; logarithmic scale; ${result.higherIsBetter ? "more" : "less"} is better`;
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: { text: result.title, subtext, left: 10, top: 8 },
    legend: { top: 56, left: 10 },
    grid: { left: 170, right: 90, top: 90, bottom: 30 },
    xAxis: { type: "log", axisLabel: { formatter: (value: number) => formatMetric(headline, value) } },
    yAxis: { type: "category", inverse: true, data: cases.map(({ name }) => name) },
    series: shown.map((name) => ({
      name: CONTENDER_TITLES[name],
      type: "bar",
      barWidth: BAR_HEIGHT - 3,
      itemStyle: { color: COLOURS[name] },
      label: { show: true, position: "right", formatter: ({ value }: { value: unknown }) => formatMetric(headline, Number(value)) },
      data: cases.map((case_) => case_.contenders[name]?.metrics[headline]?.p50 ?? "-"),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
