using Connectors.Folder;
using Connectors.Sdk;
using Connectors.Sdk.Hosting;
using Microsoft.Extensions.DependencyInjection;

if (!CommandLine.TryRead("Brings files to the functions that want the topic files.", args, FolderOptions.Read, out var options, out var exitCode))
{
    return exitCode;
}

var builder = Service.CreateBuilder(options.Service);
builder.Services.AddSingleton(options);
builder.AddConnector<FolderSource>(options.Connector);

var app = builder.Build();
app.MapSystemEndpoints();
return await app.RunServiceAsync();
