using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Connectors.Sqs;
using Connectors.Sqs.Receiving;

if (!CommandLine.TryRead("Brings the messages of SQS queues to the functions that name a queue in their topic annotation.", args, SqsOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);
builder.AddQueues(options);
builder.AddConnector<SqsSource>(options.Connector);

var app = builder.Build();
app.MapSystemEndpoints();
return await app.RunServiceAsync();
