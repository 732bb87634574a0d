using Connectors.Gateway;
using Connectors.Gateway.Endpoints;
using Connectors.Gateway.Enqueueing;
using Connectors.Gateway.Forwarding;
using Connectors.Gateway.History;
using Connectors.Gateway.Page;
using Connectors.Gateway.Provider;
using Connectors.Gateway.Queues;
using Connectors.Gateway.Reference;
using Connectors.Gateway.Scaling;
using Connectors.Gateway.Security;
using Connectors.Sdk.Hosting;

const string Purpose = "The gateway: functions over HTTP, at once or through a queue, and the API that deploys them.";

if (!CommandLine.TryRead(Purpose, args, GatewayOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);

builder.AddGatewayOptions(options);
builder.AddSecurity();
builder.AddReference();
builder.AddPage(options);
builder.AddEndpoints(options);
builder.AddScaling(options);
builder.AddHistory();
builder.AddQueues(options);
builder.AddEnqueueing(options);
builder.AddForwarding();
builder.AddProvider(options);

var app = builder.Build();
app.HonourConnectionHeader();
app.MapSystemEndpoints();
app.MapScaling(options);
var routes = app.Described();
app.MapGateway(routes);
routes.MapPage(options);
app.MapReference();

return await app.RunServiceAsync();
