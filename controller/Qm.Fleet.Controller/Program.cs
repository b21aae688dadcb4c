return await Qm.Fleet.Controller.Options.CommandLine.RunAsync(args);
