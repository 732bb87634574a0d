using Connectors.Sdk.Hosting;

namespace Connectors.Folder;

internal sealed record FolderOptions(ServiceOptions Service, ConnectorOptions Connector, string Folder, string Topic, TimeSpan PollInterval)
{
    public static FolderOptions Read(Settings settings)
    {
        var options = new FolderOptions(
            ServiceOptions.Read(settings, "folder-connector"),
            ConnectorOptions.Read(settings, new ConnectorOptions { ContentType = "application/octet-stream" }),
            settings.Text("folder", "", "The folder to take files from"),
            settings.Text("topic", "files", "The topic of its files"),
            settings.Duration("poll_interval", TimeSpan.FromSeconds(1), "Time between two looks at it", TimeSpan.FromMilliseconds(10)));
        if (!Directory.Exists(options.Folder))
        {
            settings.Fault("folder", "a folder that exists");
        }

        return options;
    }
}
