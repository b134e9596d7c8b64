/* Fills every element with data-sku, live, or once a minute where live is not to be had. docs/availability.md */
(function () {
  "use strict";
  var me = document.currentScript, own = me.dataset, base = me.src.replace(/\/embed\.js.*$/, "");
  var words = {
    in_stock: own.inStock || "In stock",
    low: own.low || "Only {left} left",
    out: own.out || "Out of stock",
    preorder: own.preorder || "Pre-order",
    backorder: own.backorder || "Available to order"
  };
  var timer, stream;

  function show(item) {
    var when = item.date ? new Date(item.date + "T00:00:00").toLocaleDateString(document.documentElement.lang || undefined) : "";
    var text = (words[item.state] || "").replace("{left}", item.left) + [item.text, when].filter(Boolean).map(function (part) {
      return " \u00b7 " + part;
    }).join("");
    document.querySelectorAll("[data-sku]").forEach(function (element) {
      if (element.dataset.sku !== item.sku) return;
      element.dataset.availability = item.state;
      if (element.textContent !== text) element.textContent = text;
      element.dispatchEvent(new CustomEvent("availability", { bubbles: true, detail: item }));
    });
  }

  function query(skus) {
    return "?sku=" + skus.map(encodeURIComponent).join(",");
  }

  function poll(skus) {
    for (var start = 0; start < skus.length; start += 100) {
      fetch(base + query(skus.slice(start, start + 100))).then(function (answer) {
        return answer.ok ? answer.json() : { items: [] };
      }).then(function (found) {
        found.items.forEach(show);
      }).catch(function () { /* the next minute may be better */ });
    }
  }

  function polling(skus) {
    if (timer) return;
    poll(skus);
    timer = setInterval(function () { poll(skus); }, 60000);
  }

  function live(skus) {
    stream = new EventSource(base + "/stream" + query(skus));
    stream.onopen = function () { clearInterval(timer); timer = 0; };
    stream.onmessage = function (event) { show(JSON.parse(event.data)); };
    stream.onerror = function () {
      polling(skus);
      if (stream.readyState === 2) setTimeout(live, 300000, skus);
    };
  }

  function start() {
    var seen = {};
    document.querySelectorAll("[data-sku]").forEach(function (element) { seen[element.dataset.sku] = 1; });
    var skus = Object.keys(seen).filter(Boolean);
    if (!skus.length) return;
    if (window.EventSource && skus.length <= 100 && own.live !== "off") live(skus); else polling(skus);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
