(function () {
  "use strict";
  var cookie = document.documentElement.getAttribute("data-cookie") + "=";

  function browserState() {
    var all = document.cookie.split("; ");
    for (var i = 0; i < all.length; i++) {
      if (all[i].indexOf(cookie) === 0) return all[i].substring(cookie.length);
    }
    return "";
  }

  // SHA-256 (FIPS 180-4) of a text, in base64url. Not the browser's own: that is missing where the page
  // around the frame is plain http, and from browsers without Web Cryptography.
  function sha256(text) {
    var bytes = unescape(encodeURIComponent(text));
    var k = [], h = [], words = [], n, i, j;
    function isPrime(n) {
      for (var d = 2; d * d <= n; d++) if (n % d === 0) return false;
      return true;
    }
    function fraction(x) { return ((x - Math.floor(x)) * 4294967296) | 0; }
    function turn(x, by) { return (x >>> by) | (x << (32 - by)); }
    for (n = 2; k.length < 64; n++) {
      if (!isPrime(n)) continue;
      if (h.length < 8) h.push(fraction(Math.sqrt(n)));
      k.push(fraction(Math.pow(n, 1 / 3)));
    }
    var blocks = ((bytes.length + 72) >> 6) << 4;
    for (i = 0; i < blocks; i++) words.push(0);
    for (i = 0; i < bytes.length; i++) words[i >> 2] |= bytes.charCodeAt(i) << (24 - 8 * (i % 4));
    words[i >> 2] |= 128 << (24 - 8 * (i % 4));
    words[blocks - 1] = bytes.length * 8;
    for (i = 0; i < blocks; i += 16) {
      var w = words.slice(i, i + 16), v = h.slice();
      for (j = 0; j < 64; j++) {
        if (j > 15) {
          var a = w[j - 15], b = w[j - 2];
          w[j] = (w[j - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) +
            w[j - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
        }
        var e = v[4], c = v[0];
        var t = (v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
          ((e & v[5]) ^ (~e & v[6])) + k[j] + w[j]) | 0;
        var u = (turn(c, 2) ^ turn(c, 13) ^ turn(c, 22)) +
          ((c & v[1]) ^ (c & v[2]) ^ (v[1] & v[2]));
        v = [(t + u) | 0, c, v[1], v[2], (v[3] + t) | 0, e, v[5], v[6]];
      }
      for (j = 0; j < 8; j++) h[j] = (h[j] + v[j]) | 0;
    }
    var hash = "";
    for (i = 0; i < 32; i++) hash += String.fromCharCode((h[i >> 2] >>> (24 - 8 * (i % 4))) & 255);
    return btoa(hash).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  }

  // "client_id session_state", where the latter ends with a dot and its salt.
  function answer(message, origin) {
    var space = message.lastIndexOf(" "), dot = message.lastIndexOf(".");
    if (space < 1 || dot < space + 2 || dot === message.length - 1) return "error";
    var client = message.substring(0, space), salt = message.substring(dot + 1);
    var state = sha256(client + " " + origin + " " + browserState() + " " + salt) + "." + salt;
    return message.substring(space + 1) === state ? "unchanged" : "changed";
  }

  window.addEventListener("message", function (e) {
    if (!e.source || e.source === window || !e.origin || e.origin === "null") return;
    e.source.postMessage(typeof e.data === "string" ? answer(e.data, e.origin) : "error", e.origin);
  });
})();
