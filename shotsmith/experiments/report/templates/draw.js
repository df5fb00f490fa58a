(function () {
  // Inks are variables of the page, so that a chart follows its theme, on paper as well.
  const ink = "var(--ink)", soft = "var(--soft)", line = "var(--line)";
  const config = {
    background: null, view: { stroke: null }, font: getComputedStyle(document.body).fontFamily,
    axis: {
      labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, titlePadding: 10
    },
    legend: { labelColor: ink, labelFontSize: 12, columns: window.innerWidth < 560 ? 2 : 5 },
    rule: { color: soft }, text: { color: soft }
  };
  function draw(script) {
    const place = document.getElementById(script.dataset.for);
    // What is folded away has no width yet; it is drawn when it is unfolded.
    if (!place || place.dataset.drawn || place.closest("details:not([open])")) return;
    place.dataset.drawn = "yes";
    const spec = JSON.parse(script.textContent);
    vegaEmbed(place, spec, { actions: false, renderer: "svg", ast: true, config: config });
  }
  const all = () => document.querySelectorAll("script.spec").forEach(draw);
  document.querySelectorAll("details").forEach(one => one.addEventListener("toggle", all));
  all();
})();
