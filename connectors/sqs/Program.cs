using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Sqs;
using Connectors.Sqs.Receiving;

const string Purpose = "The SQS connector: messages of queues become calls of the functions that name a queue in their topic annotation.";

if (!CommandLine.TryRead(Purpose, args, SqsOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);

builder.AddSqs(options);
builder.AddConnector<SqsSource>(options.Connector);

var app = builder.Build();
app.MapSystemEndpoints();

return await app.RunServiceAsync();
