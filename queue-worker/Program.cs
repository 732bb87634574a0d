using Connectors.QueueWorker;
using Connectors.Sdk.Hosting;

const string purpose = "queue-worker takes calls from one queue, runs them through the gateway, and brings each to its end.";
if (!CommandLine.TryRead(purpose, args, QueueWorkerOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);
builder.AddBroker(options);
builder.AddHistory(options.History);
builder.AddDispatching(options.Dispatch);
builder.AddConsuming();
builder.AddCallbacks(options.Callbacks);
builder.AddSettling();

var app = builder.Build();
app.MapSystemEndpoints();
return await app.RunServiceAsync();
