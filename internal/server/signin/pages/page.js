// A one-time link: its secret is behind the #, which browsers do not send.
const secret = new URLSearchParams(location.hash.slice(1)).get("t");
if (secret) {
  const said = document.getElementById("said");
  history.replaceState(null, "", location.pathname + location.search);
  said.textContent = "Signing in …";
  fetch("/auth/link", { method: "POST", body: new URLSearchParams({ t: secret }) })
    .then(async (answer) => {
      if (answer.ok) return location.replace(document.querySelector("main").dataset.return || "/");
      const problem = await answer.json();
      said.textContent = `${problem.detail}. ${problem.hint}`;
    })
    .catch(() => (said.textContent = "The server does not answer."));
}
