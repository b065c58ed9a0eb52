// The chat page: how many are connected.
fetch("/server-status?json")
  .then((answer) => answer.json())
  .then((status) => {
    document.getElementById("clients").append(`: ${status.clients} of ${status.max_clients}`);
  });
