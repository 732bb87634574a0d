using Connectors.Cron;
using Connectors.Cron.Ticking;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;

const string Purpose = "The cron connector: schedules in functions' annotations become calls of them.";

if (!CommandLine.TryRead(Purpose, args, CronOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);

builder.AddCron(options);
builder.AddConnector<CronSource>(options.Connector);

var app = builder.Build();
app.MapSystemEndpoints();

return await app.RunServiceAsync();
