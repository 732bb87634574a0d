using Connectors.RabbitMq;
using Connectors.Sdk.Hosting;

if (!CommandLine.TryRead("Brings the messages of RabbitMQ queues to the functions that name a queue in their topic annotation.", args, RabbitMqOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);
builder.AddRabbitMq(options);

var app = builder.Build();
app.MapSystemEndpoints();
return await app.RunServiceAsync();
