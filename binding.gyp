{
  # For node-gyp: delegates to the setup, which builds the addon with CMake, as cmake-js does. This cannot recurse: the
  # setup never calls node-gyp, and does nothing if it is called by a build that it started.
  "targets": [
    {
      "target_name": "tangshi",
      "type": "none",
      "actions": [
        {
          "action_name": "setup",
          "message": "",
          "inputs": [
            "CMakeLists.txt",
            "<!@(node -p \"fs.readdirSync('native', { recursive: true }).filter((file) => /[.](cc|h)$/.test(file)).map((file) => 'native/' + file).join(' ')\")"
          ],
          "outputs": ["<(module_root_dir)/build/Release/tangshi.node"],
          "action": ["node", "<(module_root_dir)/scripts/setup/setup.js"]
        }
      ]
    }
  ]
}
