using Connectors.Cli;
using Connectors.Cli.Printing;

return await CommandLine.RunAsync(CommandTree.Create(), args, StandardOutput.Text(), Console.Error);
