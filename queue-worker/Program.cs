using Connectors.QueueWorker;
using Connectors.Sdk.Hosting;

const string Purpose = "The queue-worker: calls of one queue are run through the gateway, and each is brought to its end.";

if (!CommandLine.TryRead(Purpose, args, QueueWorkerOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);

builder.AddBroker(options);
builder.AddHistory(options.History);
builder.AddDispatching(options.Dispatch);
builder.AddConsuming(options.Consuming);
builder.AddCallbacks(options.Callbacks);
builder.AddSettling();

var app = builder.Build();
app.MapSystemEndpoints();

return await app.RunServiceAsync();
