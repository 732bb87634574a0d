using Connectors.Cron;
using Connectors.Cron.Ticking;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;

if (!CommandLine.TryRead("Calls functions on the schedules in their annotations.", args, CronOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);
builder.AddTimetable(options);
builder.AddConnector<CronSource>(options.Connector);

var app = builder.Build();
app.MapSystemEndpoints();
return await app.RunServiceAsync();
