using Connectors.RabbitMq;
using Connectors.RabbitMq.Consuming;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;

const string Purpose = "The RabbitMQ connector: messages of queues become calls of the functions that name a queue in their topic annotation.";

if (!CommandLine.TryRead(Purpose, args, RabbitMqOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);

builder.AddRabbitMq(options);
builder.AddConnector<RabbitMqSource>(options.Connector);

var app = builder.Build();
app.MapSystemEndpoints();

return await app.RunServiceAsync();
