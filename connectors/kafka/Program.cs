using Connectors.Kafka;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;

const string Purpose = "The Kafka connector: records of a consumer group become calls of functions.";

if (!CommandLine.TryRead(Purpose, args, KafkaOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);

builder.AddKafka(options);
builder.AddConnector<KafkaSource>(options.Connector);

var app = builder.Build();
app.MapSystemEndpoints();

return await app.RunServiceAsync();
