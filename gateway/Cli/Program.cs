using Connectors.Cli;

return await CommandLine.RunAsync(CommandTree.Create(), args, Console.Out, Console.Error);
