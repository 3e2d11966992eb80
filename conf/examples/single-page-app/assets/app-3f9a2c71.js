const main = document.getElementById("app");

function draw() {
  main.innerHTML = "<h1></h1><a href='/orders/7'>Order 7</a>";
  main.firstChild.textContent = "You are at " + location.pathname;
}

addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  draw();
});
addEventListener("popstate", draw);
draw();
